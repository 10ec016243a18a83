import type { SandboxRecord } from '#network/network.ts';
import { formatTimestamp } from '#base/timestamps.ts';
import { elapsedMs } from '#base/clock.ts';
import type { ContainerContext } from '../context.ts';
import { untilDrained } from '../process/drain.ts';
import { InputGate } from '../streams/input-gate.ts';
import type { ManagedContainer } from './managed-container.ts';
import { noteOutOfMemory } from './memory.ts';
import { releaseMounts } from '../mounts/mounts.ts';
import type { ExitNotice } from '../process/notices.ts';
import { removeStopped } from '../remove.ts';
import { releaseSharedMemory } from '../mounts/shared-memory.ts';
import type { Run } from './state.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';

/** Ends the container's run when its process has ended. */
export function watchForExit(
  context: ContainerContext,
  container: ManagedContainer,
  process: SupervisedProcess,
): void {
  void process.exited.then((notice) =>
    context.pending.add('ending a container’s run failed', endRun(context, container, process, notice)),
  );
}

async function endRun(
  context: ContainerContext,
  container: ManagedContainer,
  process: SupervisedProcess,
  notice: ExitNotice,
): Promise<void> {
  using _lock = await context.locks.acquire(container.id);
  const { run } = container;
  if (container.process !== process || !run) return;
  container.hub.finish();
  await untilDrained(container.hub.drained);
  container.hub.close();
  const { sandbox } = container;
  const finishedAt = recordExit(container, run, notice);
  container.emit('die', {
    execDuration: String(Math.floor(Math.max(0, elapsedMs(run.startedAt, finishedAt)) / 1000)),
    exitCode: String(notice.exitCode),
  });
  container.input.close();
  container.input = new InputGate();
  container.hub.endListeners();
  const released = releaseResources(context, container, process, sandbox);
  container.waiters.stopped({ exitCode: notice.exitCode });
  const isRemoved = container.spec.removedOnExit && !container.isRestarting;
  await Promise.all([released, isRemoved && removeStopped(context, container, { volumes: true })]);
}

/** Returns when the run ended, in RFC 3339: never before it began, whatever the clocks say. */
function recordExit(
  container: ManagedContainer,
  run: Run,
  { exitCode, outOfMemory, atNs }: ExitNotice,
): string {
  container.memoryWatch?.[Symbol.dispose]();
  container.memoryWatch = undefined;
  if (outOfMemory) noteOutOfMemory(container);
  const at = formatTimestamp(atNs);
  const finishedAt = elapsedMs(run.startedAt, at) < 0 ? run.startedAt : at;
  container.process = undefined;
  container.settle({ type: 'exited', exitCode, finishedAt });
  return finishedAt;
}

/** What must be gone before the next start; nobody waits for it to know that the container has exited. */
async function releaseResources(
  context: ContainerContext,
  container: ManagedContainer,
  process: SupervisedProcess,
  sandbox: SandboxRecord | undefined,
): Promise<void> {
  if (sandbox) context.networks.release(sandbox);
  releaseMounts(container.definition.mounts, { containerId: container.id, volumes: context.volumes });
  releaseSharedMemory(context, container);
  const isRemoved = container.spec.removedOnExit && !container.isRestarting;
  await Promise.all([process.release(), isRemoved ? undefined : context.snapshots.unmount(container.id)]);
}
