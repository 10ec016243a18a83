import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { isErrno } from '#linux/errno.ts';
import {
  makeFifo,
  openFifoInput,
  openFifoReader,
  openFifoWriter,
  readStream,
  setPipeSize,
  writeStream,
} from '#linux/fifo.ts';
import type { OutputStream } from '#log/log.ts';

/**
 * What becomes of a process's standard input: `none` is /dev/null, `once` ends when its one client says so,
 * `kept` stays open for the next client, and for the next daemon.
 */
export type InputMode = 'none' | 'once' | 'kept';

/** As large as an unprivileged user may have them: a process writes on while the daemon is busy or away. */
export const PIPE_BYTES = 1 << 20;

/** The daemon's ends of a process's streams. */
export interface ProcessStreams {
  readonly sources: ReadonlyMap<Readable, OutputStream>;
  readonly input?: Writable;
}

/** Descriptors for the monitor: 0, 1 and 2 are the process's; the others it only holds, so that pipes stay whole. */
export interface ChildEnds extends Disposable {
  readonly stdio: readonly number[];
}

/** Fresh pipes: either their streams are opened or they are abandoned. */
export interface OpenPipes {
  readonly child: ChildEnds;
  readonly openStreams: () => ProcessStreams;
  readonly abandon: () => void;
}

/** Named pipes in a directory, so that the next daemon finds them. */
export class ProcessPipes {
  readonly #out: string;
  readonly #err: string;
  readonly #in: string;
  readonly #mode: InputMode;

  constructor(directory: string, mode: InputMode) {
    this.#out = join(directory, 'out');
    this.#err = join(directory, 'err');
    this.#in = join(directory, 'in');
    this.#mode = mode;
  }

  /** Makes the pipes; the caller disposes of the child's ends once the child has them. */
  create(): OpenPipes {
    using undo = new DisposableStack();
    const own = (fd: number) => {
      undo.defer(() => closeSync(fd));
      return fd;
    };
    const [outReader, outWriter] = this.#createOutput(this.#out, own);
    const [errReader, errWriter] = this.#createOutput(this.#err, own);
    const input = this.#createInput(own);
    undo.move();
    const held = this.#mode === 'kept' && input.writer !== undefined ? [input.writer] : [];
    const childOnly = [input.reader, outWriter, errWriter];
    const ours = [outReader, errReader, ...(input.writer === undefined ? [] : [input.writer])];
    return {
      child: {
        stdio: [input.reader, outWriter, errWriter, outReader, errReader, ...held],
        [Symbol.dispose]: () => childOnly.forEach((fd) => closeSync(fd)),
      },
      openStreams: () => streams(outReader, errReader, input.writer),
      abandon: () => ours.forEach((fd) => closeSync(fd)),
    };
  }

  /** Whether a former daemon made them; it did not for a process with a terminal. */
  get exist(): boolean {
    return existsSync(this.#out);
  }

  /** Opens what a former daemon made. An input that was to end once has ended with that daemon. */
  reopen(): ProcessStreams {
    return streams(openFifoReader(this.#out), openFifoReader(this.#err), this.#reopenInput());
  }

  #createOutput(path: string, own: (fd: number) => number): readonly [reader: number, writer: number] {
    makeFifo(path);
    const reader = own(openFifoReader(path));
    enlarge(reader);
    return [reader, own(openFifoWriter(path))];
  }

  #createInput(own: (fd: number) => number): { readonly reader: number; readonly writer?: number } {
    if (this.#mode === 'none') return { reader: own(openSync('/dev/null', 'r')) };
    makeFifo(this.#in);
    const reader = own(openFifoInput(this.#in));
    return { reader, writer: own(openFifoWriter(this.#in)) };
  }

  #reopenInput(): number | undefined {
    if (this.#mode !== 'kept') return undefined;
    try {
      return openFifoWriter(this.#in);
    } catch (error) {
      if (isErrno(error, 'ENXIO')) return undefined;
      throw error;
    }
  }
}

/** A smaller pipe only makes a process wait sooner. */
function enlarge(pipe: number): void {
  try {
    setPipeSize(pipe, PIPE_BYTES);
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error;
  }
}

function streams(out: number, err: number, input: number | undefined): ProcessStreams {
  const sources = new Map<Readable, OutputStream>([
    [readStream(out), 'stdout'],
    [readStream(err), 'stderr'],
  ]);
  return { sources, ...(input !== undefined && { input: writeStream(input) }) };
}
