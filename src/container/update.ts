import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '#base/errors.ts';
import type { FileService } from '#linux/file-service.ts';
import type { ContainerUpdate } from './container.ts';
import { containerError } from './container-errors.ts';
import type { ContainerSpec } from './container-spec.ts';
import type { ContainerPaths } from './container-paths.ts';
import type { Container } from './run/container.ts';
import type { ContainerCgroups } from './process/container-cgroups.ts';
import type { Runtimes } from './process/runtimes.ts';
import { checkLimits } from './create/check-limits.ts';
import { deviceQuery, findDevices } from './spec/spec-devices.ts';
import { specResources } from './spec/spec-resources.ts';

const run = promisify(execFile);

export interface UpdateRoles {
  readonly paths: Pick<ContainerPaths, 'bundle'>;
  readonly cgroups: ContainerCgroups;
  readonly runtimes: Runtimes;
  readonly files: FileService;
}

/**
 * Changes limits and restart policy of a container, live if it runs.
 *
 * @throws {EngineError} `invalid` for limits that contradict each other, `conflict` if it is being removed, `internal`
 * if the kernel refuses them; then nothing is changed
 */
export async function updateContainer(
  roles: UpdateRoles,
  container: Container,
  changes: ContainerUpdate,
): Promise<void> {
  using _lock = await container.lock();
  const { status } = container.state;
  if (status === 'removing' || status === 'dead')
    throw containerError('update-of-removed', { subject: container.id });
  const spec = mergeChanges(container, changes);
  checkLimits(spec.limits);
  if (container.run) await applyLimits(roles, container, spec);
  container.redefine({ spec });
  container.emit('update');
}

function mergeChanges(container: Container, { limits, restart }: ContainerUpdate): ContainerSpec {
  const { spec, id } = container;
  const { cpuPeriodUs = 0, cpuQuotaUs = 0, memorySwapBytes = 0 } = spec.limits;
  if (limits.nanoCpus !== undefined && (cpuPeriodUs > 0 || cpuQuotaUs > 0)) {
    throw containerError('update-cpus-and-period', { subject: id });
  }
  const outgrowsSwap = memorySwapBytes > 0 && (limits.memoryBytes ?? 0) > memorySwapBytes;
  if (outgrowsSwap && limits.memorySwapBytes === undefined) {
    throw containerError('update-memory-above-swap', { subject: id });
  }
  return { ...spec, limits: { ...spec.limits, ...limits }, ...(restart && { restart }) };
}

async function applyLimits(
  { paths, cgroups, runtimes, files }: UpdateRoles,
  container: Container,
  spec: ContainerSpec,
): Promise<void> {
  const file = join(paths.bundle(container.id), 'resources.json');
  const limitsOnly = { limits: spec.limits, devices: { ...spec.devices, nodes: [], cgroupRules: [] } };
  const { numbers } = await findDevices(files, deviceQuery(limitsOnly));
  const cgroupVersion = cgroups.layout.mode === 'v2' ? 2 : 1;
  const resources = specResources(limitsOnly, { rules: [], numbers }, cgroupVersion);
  writeFileSync(file, JSON.stringify(resources));
  try {
    const runtime = runtimes.runtimeOf(container.id);
    await run(runtime.path, runtime.arguments('update', '--resources', file, container.id));
  } catch (cause) {
    const problem =
      cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : messageOf(cause);
    throw containerError('update-refused', { subject: container.id, details: { problem }, cause });
  } finally {
    rmSync(file, { force: true });
  }
}
