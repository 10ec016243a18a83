import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { unlessErrno } from '#base/errno.ts';
import { now } from '#base/clock.ts';
import { isEngineError } from '#base/errors.ts';
import type { ContainerStats, InterfaceTraffic, StatsSample } from '../views.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';
import type { Container } from '../run/container.ts';

/** USER_HZ: 100 on every architecture we run on (time(7)). */
const NANOSECONDS_PER_TICK = 10_000_000;

export function sampleStats(cgroups: ContainerCgroups, container: Container): ContainerStats {
  const { id, name } = container;
  const sample = tryReadSample(cgroups, container);
  return { id, name, ...(sample && { sample }) };
}

function tryReadSample(cgroups: ContainerCgroups, container: Container): StatsSample | undefined {
  const { run } = container;
  if (!run) return undefined;
  try {
    const stats = cgroups.cgroupOf(container).readStats();
    const interfaces = interfacesOf(container, run.process.pid);
    return {
      ...stats,
      takenAt: now(),
      hostCpuNs: hostCpuNs(),
      processors: availableParallelism(),
      hostMemoryBytes: totalmem(),
      ...(interfaces && { interfaces }),
    };
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

/** What all processors together have spent since boot, idling included (proc_stat(5)); guests are in `user`. */
function hostCpuNs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  return ticks.reduce((sum, count) => sum + count, 0) * NANOSECONDS_PER_TICK;
}

/** Traffic of the container's interfaces; absent in the host's network. */
function interfacesOf({ spec }: Container, pid: number): StatsSample['interfaces'] {
  const { kind } = spec.network.mode;
  if (kind === 'host' || kind === 'none') return undefined;
  return unlessErrno(
    () => parseNetDev(readFileSync(`/proc/${pid}/net/dev`, 'latin1')),
    'ENOENT',
    'ESRCH',
    'EINVAL',
  );
}

/** /proc/net/dev (proc_pid_net(5)): two lines of titles, then eight counters received and eight sent. */
function parseNetDev(text: string): Readonly<Record<string, InterfaceTraffic>> {
  const lines = text.split('\n').slice(2).filter(Boolean);
  const entries = lines.map((line) => {
    const [name = '', counters = ''] = line.trim().split(/:\s*/, 2);
    const numbers = counters.split(/\s+/).map(Number);
    const countersAt = (first: number) => {
      const [bytes = 0, packets = 0, errors = 0, dropped = 0] = numbers.slice(first);
      return { bytes, packets, errors, dropped };
    };
    return [name, { received: countersAt(0), sent: countersAt(8) }] as const;
  });
  return Object.fromEntries(entries.filter(([name]) => name !== 'lo'));
}
