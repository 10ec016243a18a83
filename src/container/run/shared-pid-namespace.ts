import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerCgroup } from '#linux/container-cgroup.ts';
import { type ProcessWatch, isAlive, signalIfAlive, watchExit } from '#linux/process.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';
import type { Container } from './container.ts';
import type { Run } from './run.ts';

const SIGKILL = 9;
/** Processes that fork while they are killed are found at the next look. */
const MAXIMUM_LOOKS = 1000;
const WAIT_MS = 5;

/**
 * A container in a PID namespace of its own ends with its first process: the kernel kills the others. In a namespace of
 * the host or another container the engine has to kill them; otherwise they run on, and the runtime waits for them.
 */
export function endWithFirstProcess(cgroups: ContainerCgroups, container: Container, run: Run): void {
  if (container.spec.namespaces.pid === 'private') return;
  const watch = watchExit(run.process.pid);
  run.active.hold(watch);
  void killAfter(watch, run, cgroups.cgroupOf(container));
}

async function killAfter(watch: ProcessWatch, run: Run, cgroup: ContainerCgroup): Promise<void> {
  const { pid, startTime } = run.process;
  await watch.exited;
  if (!run.active.isDetached && !isAlive(pid, startTime)) await killAll(cgroup);
}

async function killAll(cgroup: ContainerCgroup): Promise<void> {
  for (let looks = 0; looks < MAXIMUM_LOOKS; looks++) {
    const alive = cgroup.pids().filter((pid) => isAlive(pid));
    if (alive.length === 0) return;
    for (const pid of alive) signalIfAlive(pid, SIGKILL);
    await sleep(WAIT_MS);
  }
}
