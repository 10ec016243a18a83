import { EngineError, type ErrorCode } from '#base/errors.ts';
import { F_SETFD, FD_CLOEXEC } from './constants.ts';
import { bindLibrary, libc } from './libc.ts';
import { ensureFreeDescriptor, fillReserve, openLow } from './low-descriptor.ts';
import { isNetlinkSocket } from './netlink-socket.ts';

/** struct nft_ctx, opaque. */
type Context = unknown;

const LIBRARY = 'libnftables.so.1';

interface NftLibrary {
  nft_ctx_new(flags: number): Context;
  nft_ctx_free(context: Context): void;
  nft_ctx_buffer_output(context: Context): number;
  nft_ctx_buffer_error(context: Context): number;
  nft_ctx_get_output_buffer(context: Context): string | null;
  nft_ctx_get_error_buffer(context: Context): string | null;
  nft_ctx_output_set_flags(context: Context, flags: number): void;
  nft_run_cmd_from_buffer(context: Context, commands: string): number;
}

const library = bindLibrary<NftLibrary>(LIBRARY, {
  nft_ctx_new: 'void* nft_ctx_new(uint32_t)',
  nft_ctx_free: 'void nft_ctx_free(void*)',
  nft_ctx_buffer_output: 'int nft_ctx_buffer_output(void*)',
  nft_ctx_buffer_error: 'int nft_ctx_buffer_error(void*)',
  nft_ctx_get_output_buffer: 'const char* nft_ctx_get_output_buffer(void*)',
  nft_ctx_get_error_buffer: 'const char* nft_ctx_get_error_buffer(void*)',
  nft_ctx_output_set_flags: 'void nft_ctx_output_set_flags(void*, unsigned int)',
  nft_run_cmd_from_buffer: 'int nft_run_cmd_from_buffer(void*, const char*)',
});

/** <linux/netlink.h> */
const NETLINK_NETFILTER = 12;

/** <nftables/libnftables.h> */
const NFT_CTX_DEFAULT = 0;
const NFT_CTX_OUTPUT_HANDLE = 1 << 3;
const NFT_CTX_OUTPUT_JSON = 1 << 4;

/**
 * nftables in this process, through libnftables(3): the commands are those of nft(8). It works on the network
 * namespace in which the thread was when it was opened. The library waits for its socket with select(2), so the
 * socket gets a low descriptor.
 */
export class Nftables implements Disposable {
  #context: Context;

  private constructor(context: Context) {
    this.#context = context;
  }

  /**
   * @throws {EngineError} `unavailable` if the library is missing or the kernel refuses, `exhausted` if its socket
   *   cannot get a descriptor below 1024
   */
  static open(): Nftables {
    const { opened: context, fd } = openLow({
      subject: 'nftables',
      open: createContext,
      isAt: (_context, fd) => isNetlinkSocket(fd, NETLINK_NETFILTER),
      close: (context) => library.nft_ctx_free(context),
    });
    // The library's netlink socket is not close-on-exec.
    libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
    return new Nftables(context);
  }

  /**
   * Runs commands and is done.
   *
   * @throws {EngineError} as {@link open} and {@link run} do
   */
  static runOnce(commands: string): string {
    using nftables = Nftables.open();
    return nftables.run(commands);
  }

  /**
   * Runs commands in one transaction: all of them or none take effect. Returns what listings print.
   *
   * @throws {EngineError} with nft's text: `conflict` for what exists, `not-found` for what does not, `invalid`, …
   */
  run(commands: string): string {
    return this.#run(commands, 0);
  }

  /** Runs listing commands and parses their JSON (libnftables-json(5)), with handles. */
  runJson(commands: string): unknown {
    const output = this.#run(commands, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE);
    return output === '' ? undefined : JSON.parse(output);
  }

  #run(commands: string, flags: number): string {
    if (this.#context === undefined) throw new EngineError('internal', 'Cannot run nftables: closed');
    library.nft_ctx_output_set_flags(this.#context, flags);
    // The library opens a socket for names of interfaces, and ends the process where it cannot.
    ensureFreeDescriptor('nftables');
    try {
      return this.#attempt(commands);
    } finally {
      fillReserve();
    }
  }

  #attempt(commands: string): string {
    for (let attempt = 1; ; attempt++) {
      const result = library.nft_run_cmd_from_buffer(this.#context, commands);
      // Reading a buffer also empties it for the next run.
      const output = library.nft_ctx_get_output_buffer(this.#context) ?? '';
      const error = (library.nft_ctx_get_error_buffer(this.#context) ?? '').trim();
      if (result === 0) return output;
      // The kernel gives a transaction up whole when a signal arrives (SIGCHLD: a process of ours ended).
      if (attempt < MAXIMUM_ATTEMPTS && error.includes(INTERRUPTED)) continue;
      throw new EngineError(codeOfNftError(error), `Cannot change nftables: ${error || `status ${result}`}`);
    }
  }

  [Symbol.dispose](): void {
    if (this.#context === undefined) return;
    library.nft_ctx_free(this.#context);
    this.#context = undefined;
    fillReserve();
  }
}

/** strerror(EINTR), as nft prints it. */
const INTERRUPTED = 'Interrupted system call';
const MAXIMUM_ATTEMPTS = 20;

function createContext(): Context {
  let context: Context;
  try {
    context = library.nft_ctx_new(NFT_CTX_DEFAULT);
  } catch (cause) {
    throw new EngineError('unavailable', `Cannot load ${LIBRARY}: is libnftables installed?`, { cause });
  }
  if (!context) throw new EngineError('unavailable', 'Cannot open nftables: the kernel refuses');
  library.nft_ctx_buffer_output(context);
  library.nft_ctx_buffer_error(context);
  return context;
}

const ERROR_CODES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/File exists|Device or resource busy|Directory not empty/, 'conflict'],
  [/No such file or directory|does not exist/, 'not-found'],
  [/Operation not permitted|Permission denied/, 'forbidden'],
  [/No space left|Cannot allocate memory|Too many/, 'exhausted'],
  [/Operation not supported|Protocol not supported/, 'not-implemented'],
];

/** The library gives the kernel's errno only as text; any other text says that it did not understand a command. */
export function codeOfNftError(text: string): ErrorCode {
  return ERROR_CODES.find(([pattern]) => pattern.test(text))?.[1] ?? 'invalid';
}
