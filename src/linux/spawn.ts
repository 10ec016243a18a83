import { F_DUPFD_CLOEXEC } from './constants.ts';
import { bind, check, libc, systemError } from './libc.ts';
import { closeFd } from './descriptors.ts';

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
const glibc = <Parameters extends readonly unknown[]>(prototype: string) =>
  bind<Parameters, number>('libc.so.6', prototype);
const spawnFunctions = {
  actionsInit: glibc<[Opaque]>('int posix_spawn_file_actions_init(void*)'),
  actionsDup2: glibc<[Opaque, number, number]>('int posix_spawn_file_actions_adddup2(void*, int, int)'),
  actionsChdir: glibc<[Opaque, string]>('int posix_spawn_file_actions_addchdir_np(void*, const char*)'),
  actionsCloseFrom: glibc<[Opaque, number]>('int posix_spawn_file_actions_addclosefrom_np(void*, int)'),
  actionsDestroy: glibc<[Opaque]>('int posix_spawn_file_actions_destroy(void*)'),
  attributesInit: glibc<[Opaque]>('int posix_spawnattr_init(void*)'),
  attributesFlags: glibc<[Opaque, number]>('int posix_spawnattr_setflags(void*, short)'),
  attributesMask: glibc<[Opaque, Buffer]>('int posix_spawnattr_setsigmask(void*, const void*)'),
  attributesDefaults: glibc<[Opaque, Buffer]>('int posix_spawnattr_setsigdefault(void*, const void*)'),
  spawn: glibc<[Buffer, string, Opaque, Opaque, readonly (string | null)[], readonly (string | null)[]]>(
    'int posix_spawn(void*, const char*, const void*, const void*, const char**, const char**)',
  ),
};

let attributes: Opaque | undefined;

function spawnAttributes(): Opaque {
  if (attributes) return attributes;
  const fresh = Buffer.alloc(OPAQUE_SIZE);
  spawnFunctions.attributesInit(fresh);
  spawnFunctions.attributesMask(fresh, Buffer.alloc(SIGNAL_SET_SIZE));
  spawnFunctions.attributesDefaults(fresh, Buffer.alloc(SIGNAL_SET_SIZE, 0xff));
  spawnFunctions.attributesFlags(fresh, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
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
  spawnFunctions.actionsInit(actions);
  stack.defer(() => spawnFunctions.actionsDestroy(actions));
  const sources = liftOutOfTheWay(options.stdio, stack);
  for (const [target, source] of sources.entries()) spawnFunctions.actionsDup2(actions, source, target);
  spawnFunctions.actionsCloseFrom(actions, sources.length);
  if (options.cwd !== undefined) spawnFunctions.actionsChdir(actions, options.cwd);
  const pid = Buffer.alloc(4);
  const errno = spawnFunctions.spawn(pid, path, actions, spawnAttributes(), [...args, null], [...env, null]);
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
