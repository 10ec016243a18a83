import { F_DUPFD_CLOEXEC } from './constants.ts';
import { closeFd } from './descriptors.ts';
import { bindLibrary, check, LIBC, libc, systemError } from './libc.ts';

/** What to start, and with what. Descriptors stay the caller's. */
export interface SpawnOptions {
  /** The program's path; PATH is not searched. */
  readonly path: string;
  /** The whole argument vector, `argv[0]` included. */
  readonly args: readonly string[];
  /** `KEY=VALUE` pairs; by default only a PATH. */
  readonly env?: readonly string[];
  readonly cwd?: string;
  /** The descriptors that become the child's 0, 1, 2, …; it gets no others. */
  readonly stdio: readonly number[];
}

const DEFAULT_ENVIRONMENT = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

/** <spawn.h>: default signal handlers, an empty signal mask and a session of its own. */
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
/** Above sizeof(posix_spawnattr_t) (336) and sizeof(posix_spawn_file_actions_t) (80) of glibc. */
const OPAQUE_SIZE = 512;
const SIGNAL_SET_SIZE = 128;

type Opaque = Buffer;
type StringVector = readonly (string | null)[];

interface SpawnFunctions {
  posix_spawn(
    pid: Buffer,
    path: string,
    actions: Opaque,
    attributes: Opaque,
    args: StringVector,
    env: StringVector,
  ): number;
  posix_spawn_file_actions_addchdir_np(actions: Opaque, path: string): number;
  posix_spawn_file_actions_addclosefrom_np(actions: Opaque, fd: number): number;
  posix_spawn_file_actions_adddup2(actions: Opaque, fd: number, newFd: number): number;
  posix_spawn_file_actions_destroy(actions: Opaque): number;
  posix_spawn_file_actions_init(actions: Opaque): number;
  posix_spawnattr_init(attributes: Opaque): number;
  posix_spawnattr_setflags(attributes: Opaque, flags: number): number;
  posix_spawnattr_setsigdefault(attributes: Opaque, signals: Buffer): number;
  posix_spawnattr_setsigmask(attributes: Opaque, signals: Buffer): number;
}

const spawnLibrary = bindLibrary<SpawnFunctions>(LIBC, {
  posix_spawn: 'int posix_spawn(void*, const char*, const void*, const void*, const char**, const char**)',
  posix_spawn_file_actions_addchdir_np: 'int posix_spawn_file_actions_addchdir_np(void*, const char*)',
  posix_spawn_file_actions_addclosefrom_np: 'int posix_spawn_file_actions_addclosefrom_np(void*, int)',
  posix_spawn_file_actions_adddup2: 'int posix_spawn_file_actions_adddup2(void*, int, int)',
  posix_spawn_file_actions_destroy: 'int posix_spawn_file_actions_destroy(void*)',
  posix_spawn_file_actions_init: 'int posix_spawn_file_actions_init(void*)',
  posix_spawnattr_init: 'int posix_spawnattr_init(void*)',
  posix_spawnattr_setflags: 'int posix_spawnattr_setflags(void*, short)',
  posix_spawnattr_setsigdefault: 'int posix_spawnattr_setsigdefault(void*, const void*)',
  posix_spawnattr_setsigmask: 'int posix_spawnattr_setsigmask(void*, const void*)',
});

let attributes: Opaque | undefined;

function spawnAttributes(): Opaque {
  if (attributes) return attributes;
  const fresh = Buffer.alloc(OPAQUE_SIZE);
  spawnLibrary.posix_spawnattr_init(fresh);
  spawnLibrary.posix_spawnattr_setsigmask(fresh, Buffer.alloc(SIGNAL_SET_SIZE));
  spawnLibrary.posix_spawnattr_setsigdefault(fresh, Buffer.alloc(SIGNAL_SET_SIZE, 0xff));
  spawnLibrary.posix_spawnattr_setflags(
    fresh,
    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID,
  );
  return (attributes = fresh);
}

/**
 * Starts a process in a session of its own and returns its pid (posix_spawn(3)): 0.1 ms however much memory this
 * process holds, where Node's fork gets slower with it. The caller must watch the pid (`watchExit`), which also
 * reaps it.
 *
 * @throws {SystemError} of the exec itself too: `not-found`, `forbidden`, …; then no process exists
 */
export function spawnProcess(options: SpawnOptions): number {
  const { path, args, env = DEFAULT_ENVIRONMENT } = options;
  using stack = new DisposableStack();
  const actions = Buffer.alloc(OPAQUE_SIZE);
  spawnLibrary.posix_spawn_file_actions_init(actions);
  stack.defer(() => spawnLibrary.posix_spawn_file_actions_destroy(actions));
  const sources = liftOutOfTheWay(options.stdio, stack);
  for (const [target, source] of sources.entries())
    spawnLibrary.posix_spawn_file_actions_adddup2(actions, source, target);
  spawnLibrary.posix_spawn_file_actions_addclosefrom_np(actions, sources.length);
  if (options.cwd !== undefined) spawnLibrary.posix_spawn_file_actions_addchdir_np(actions, options.cwd);
  const pid = Buffer.alloc(4);
  const errno = spawnLibrary.posix_spawn(
    pid,
    path,
    actions,
    spawnAttributes(),
    [...args, null],
    [...env, null],
  );
  if (errno !== 0) throw systemError(errno, { syscall: 'posix_spawn', subject: path });
  return pid.readInt32LE(0);
}

/** A source that an earlier dup2 would overwrite (stdio [5, 0]) is first duplicated above all targets. */
function liftOutOfTheWay(stdio: readonly number[], stack: DisposableStack): readonly number[] {
  return stdio.map((source, target) => {
    if (source >= target) return source;
    const copy = check('fcntl', String(source), libc.fcntl(source, F_DUPFD_CLOEXEC, stdio.length));
    stack.defer(() => closeFd(copy));
    return copy;
  });
}
