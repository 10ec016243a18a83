import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EngineError, messageOf } from '#base/errors.ts';
import type { HostConfig } from '#wire/container.ts';
import { validateLimits } from '#wire/validate-host-config.ts';
import type { ContainerContext } from './context.ts';
import type { ManagedContainer } from './run/managed-container.ts';
import { runtimeArguments } from './process/runtime-command.ts';
import { withRuntimeOf } from './process/runtimes.ts';
import { specResources } from './spec/spec-resources.ts';

const run = promisify(execFile);

/**
 * Changes limits and restart policy of a container, live if it runs.
 *
 * @throws {EngineError} `invalid` for limits that contradict each other, `conflict` if it is being removed, `internal`
 * if the kernel refuses them; then nothing is changed
 */
export async function updateContainer(
  context: ContainerContext,
  container: ManagedContainer,
  changes: Partial<HostConfig>,
): Promise<void> {
  using _lock = await context.locks.acquire(container.id);
  const { status } = container.state;
  if (status === 'removing' || status === 'dead') {
    throw cannotUpdate(container, 'conflict', 'container is marked for removal and cannot be "update"');
  }
  const hostConfig = mergeLimits(container, changes);
  validateLimits(hostConfig);
  if (container.run) await applyResources(context, container, hostConfig);
  container.redefine({ hostConfig });
  container.emit('update');
}

function mergeLimits(container: ManagedContainer, changes: Partial<HostConfig>): HostConfig {
  const before = container.hostConfig;
  const { Memory = 0, MemorySwap = 0, NanoCpus = 0 } = changes;
  if (NanoCpus > 0 && (before.CpuPeriod > 0 || before.CpuQuota > 0)) {
    const text = 'Conflicting options: Nano CPUs cannot be updated as CPU Period/Quota has already been set';
    throw cannotUpdate(container, 'invalid', text);
  }
  if (Memory > before.MemorySwap && before.MemorySwap > 0 && MemorySwap === 0) {
    const text =
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
    throw cannotUpdate(container, 'conflict', text);
  }
  return { ...before, ...changes };
}

async function applyResources(
  context: ContainerContext,
  container: ManagedContainer,
  hostConfig: HostConfig,
): Promise<void> {
  const file = join(context.paths.bundle(container.id), 'resources.json');
  writeFileSync(
    file,
    JSON.stringify(specResources(hostConfig, [], context.cgroupLayout.mode === 'v2' ? 2 : 1)),
  );
  try {
    const { runtime } = withRuntimeOf(context, container.id);
    await run(runtime.path, runtimeArguments(context, 'update', '--resources', file, container.id));
  } catch (cause) {
    const stderr =
      cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : messageOf(cause);
    throw cannotUpdate(container, 'internal', stderr);
  } finally {
    rmSync(file, { force: true });
  }
}

function cannotUpdate(
  { id }: ManagedContainer,
  code: 'internal' | 'conflict' | 'invalid',
  reason: string,
): EngineError {
  return new EngineError(code, `Cannot update container ${id}: ${reason}`);
}
