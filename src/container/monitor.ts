import { constants, closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '#linux/errno.ts';
import { makeFifo } from '#linux/fifo.ts';
import { processStartTime } from '#linux/process.ts';
import { spawnProcess } from '#linux/spawn.ts';
import type { ProcessIdentity } from './state.ts';

/**
 * The process that waits for an OCI runtime and outlives the daemon: a shell, some 350 KB. It holds the pipes' other
 * ends (3, 4 and 5), so that neither a crash of the daemon nor the end of the container loses what is in them. When
 * the runtime has ended it lets go of the process's streams, records the exit code, and waits until a daemon has
 * taken notice.
 *
 * A runtime that was told to keep an ended container (`OOM` names the file with the kernel's count) leaves its cgroup
 * to look at; then the monitor deletes the container.
 */
const SCRIPT = `n=$1; shift
"$@" 3<&- 4<&- 5<&-
c=$? o=
exec </dev/null >/dev/null 2>&1
if [ -n "$OOM" ]; then
  while read -r k v; do [ "$k" != oom_kill ] || [ "$v" = 0 ] || o=' oom'; done <"$OOM"
  "$RUNTIME" --root="$RUNTIME_ROOT" delete -f "$CONTAINER"
fi
echo "$c$o" >"$n.exit" || exit $c
read -r x <ack`;

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface MonitorRequest {
  /** Exists, with room for the acknowledgement's FIFO. */
  readonly directory: string;
  /** Absolute path before the extension of the notices. */
  readonly noticePrefix: string;
  /** The runtime with its arguments. */
  readonly command: readonly string[];
  readonly stdio: readonly number[];
  /** Look whether the kernel killed for want of memory. */
  readonly memory?: MemoryWatch;
}

export interface MemoryWatch {
  /** `memory.events`, or version 1's `memory.oom_control`. */
  readonly file: string;
  readonly runtimeRoot: string;
  readonly containerId: string;
}

/** Starts a monitor and returns its pid. */
export function startMonitor(request: MonitorRequest): number {
  makeFifo(join(request.directory, 'ack'));
  const pid = spawnProcess({
    path: '/bin/sh',
    args: ['sh', '-c', SCRIPT, 'caisson-monitor', request.noticePrefix, ...request.command],
    env: [PATH, ...memoryEnvironment(request)],
    cwd: request.directory,
    stdio: request.stdio,
  });
  writeFileSync(join(request.directory, 'monitor'), `${pid} ${processStartTime(pid) ?? ''}`);
  return pid;
}

/** The monitor of a directory, for a process that is in no record; undefined if it was never started. */
export function readMonitor(directory: string): ProcessIdentity | undefined {
  try {
    const [pid, startTime] = readFileSync(join(directory, 'monitor'), 'latin1').split(' ');
    return startTime ? { pid: Number(pid), startTime } : undefined;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function memoryEnvironment({ memory, command }: MonitorRequest): readonly string[] {
  if (!memory) return [];
  return [
    `OOM=${memory.file}`,
    `RUNTIME=${command[0] ?? ''}`,
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
    const fd = openSync(join(directory, 'ack'), constants.O_RDWR | constants.O_NONBLOCK);
    writeSync(fd, '\n\n');
    return { [Symbol.dispose]: () => closeSync(fd) };
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    return { [Symbol.dispose]: () => {} };
  }
}
