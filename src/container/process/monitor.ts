import { constants, closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '#linux/errno.ts';
import { makeFifo } from '#linux/fifo.ts';
import { processStartTime } from '#linux/process.ts';
import { type SpawnOptions, spawnProcess } from '#linux/spawn.ts';
import { readIfThere } from '#linux/read-if-there.ts';
import type { MonitorDescriptors } from './process-pipes.ts';
import type { ProcessIdentity } from '../run/state.ts';

/**
 * The process that waits for an OCI runtime and outlives the daemon: a shell, some 350 KB. It holds the pipes' other
 * ends, so that neither a crash of the daemon nor the end of the container loses what is in them; the next daemon takes
 * them from it ({@link HELD_FD}). When the runtime has ended it closes the process's streams, records the exit code,
 * and waits until a daemon has acknowledged it. The runtime runs in a subshell, because a shell that redirects for one
 * command moves its own descriptors out of the way meanwhile.
 *
 * A runtime that was told to keep an ended container (`OOM` names the file with the kernel's count) leaves its cgroup
 * to look at; then the monitor deletes the container.
 */
const SCRIPT = `n=$1; shift
echo $$ >monitor
(exec "$@" 3<&- 4<&- 5<&- 6<&-)
c=$? o=
exec </dev/null >/dev/null 2>&1
if [ -n "$OOM" ]; then
  while read -r k v; do [ "$k" != oom_kill ] || [ "$v" = 0 ] || o=' oom'; done <"$OOM"
  "$RUNTIME" --root="$RUNTIME_ROOT" delete -f "$CONTAINER"
fi
echo "$c$o" >"$n.exit" || exit $c
read -r x <ack`;

/** Where a monitor has what it holds for the next daemon; its 3 is the sign of life. */
export const HELD_FD = { output: 4, errors: 5, input: 6 } as const;

const ACKNOWLEDGEMENT = 'ack';
const MONITOR = 'monitor';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface MonitorRequest {
  /** Exists, with room for the acknowledgement's FIFO. */
  readonly directory: string;
  /** Absolute path of the process's status files, before their extension. */
  readonly statusPrefix: string;
  /** The runtime with its arguments. */
  readonly command: readonly string[];
  readonly descriptors: MonitorDescriptors;
  /** Look whether the kernel killed for want of memory. */
  readonly memory?: MemoryWatch;
}

export interface MemoryWatch {
  /** `memory.events`, or version 1's `memory.oom_control`. */
  readonly file: string;
  /** The runtime's path; the daemon may be gone when it is needed. */
  readonly runtime: string;
  readonly runtimeRoot: string;
  readonly containerId: string;
}

/** Starts a monitor and returns its pid. Its 3 is a sign of life: see {@link isMonitored}. */
export function startMonitor(request: MonitorRequest): number {
  const { statusPrefix, command, memory } = request;
  return startWithSign(request, {
    path: '/bin/sh',
    args: ['sh', '-c', SCRIPT, 'caisson-monitor', statusPrefix, ...command],
    env: [PATH, ...memoryEnvironment(memory)],
  });
}

/**
 * Starts a runtime that is its own monitor, as far as it goes: it holds the pipes' other ends and gives the sign of
 * life, but its exit code is not recorded: only its parent, this daemon, learns it. This saves a shell.
 */
export function startUnrecorded(request: Omit<MonitorRequest, 'statusPrefix' | 'memory'>): number {
  const { directory, command } = request;
  const pid = startWithSign(request, { path: command[0] ?? '', args: command, env: [PATH] });
  writeFileSync(join(directory, MONITOR), `${pid}\n`);
  return pid;
}

function startWithSign(
  { directory, descriptors }: Pick<MonitorRequest, 'directory' | 'descriptors'>,
  program: Omit<SpawnOptions, 'stdio' | 'cwd'>,
): number {
  const acknowledgement = join(directory, ACKNOWLEDGEMENT);
  makeFifo(acknowledgement);
  const sign = openSync(acknowledgement, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stdio = [...descriptors.stdio, sign, ...descriptors.held];
    return spawnProcess({ ...program, cwd: directory, stdio });
  } finally {
    closeSync(sign);
  }
}

/** True if the directory's monitor lives, from the moment in which it was started: its FIFO has a reader. */
export function isMonitored(directory: string): boolean {
  try {
    closeSync(openSync(join(directory, ACKNOWLEDGEMENT), constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENXIO')) return false;
    throw error;
  }
}

/**
 * The monitor of a directory, for a process that is in no record; undefined before it has said so, or if it is gone.
 */
export function readMonitor(directory: string): ProcessIdentity | undefined {
  const pid = Number(readIfThere(join(directory, MONITOR)) ?? 0);
  const startTime = pid > 0 && isMonitored(directory) ? processStartTime(pid) : undefined;
  return startTime === undefined ? undefined : { pid, startTime };
}

function memoryEnvironment(memory: MemoryWatch | undefined): readonly string[] {
  if (!memory) return [];
  return [
    `OOM=${memory.file}`,
    `RUNTIME=${memory.runtime}`,
    `RUNTIME_ROOT=${memory.runtimeRoot}`,
    `CONTAINER=${memory.containerId}`,
  ];
}

/**
 * Lets the monitor and a terminal's holder end. Dispose of the result when they have: until then the FIFO has a
 * writer, whether they have opened it yet or not.
 */
export function acknowledge(directory: string): Disposable {
  try {
    const fd = openSync(join(directory, ACKNOWLEDGEMENT), constants.O_RDWR | constants.O_NONBLOCK);
    writeSync(fd, '\n\n');
    return { [Symbol.dispose]: () => closeSync(fd) };
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    return { [Symbol.dispose]: () => {} };
  }
}
