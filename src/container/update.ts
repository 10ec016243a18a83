import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '#base/errors.ts';
import type { CgroupFeatures } from '#linux/cgroup-features.ts';
import type { FileService } from '#linux/file-service.ts';
import type { ContainerUpdate } from './container.ts';
import { containerError } from './container-errors.ts';
import type { ContainerSpec, ResourceLimits } from './container-spec.ts';
import type { ContainerPaths } from './container-paths.ts';
import type { Container } from './run/container.ts';
import type { ContainerCgroups } from './process/container-cgroups.ts';
import type { Runtimes } from './process/runtimes.ts';
import { checkLimits } from './create/check-limits.ts';
import { fitLimits } from './create/fit-limits.ts';
import { restartWarning } from './create/missing-features.ts';
import { deviceQuery, findDevices } from './spec/spec-devices.ts';
import { specResources } from './spec/spec-resources.ts';

const run = promisify(execFile);

export interface UpdateRoles {
  readonly paths: Pick<ContainerPaths, 'bundle'>;
  readonly cgroups: ContainerCgroups;
  readonly features: CgroupFeatures;
  readonly runtimes: Runtimes;
  readonly files: FileService;
}

/**
 * Changes limits and restart policy of a container, live if it runs.
 *
 * @returns warnings, in Docker's words
 * @throws {EngineError} `invalid` for limits that contradict each other, `conflict` if they contradict what the container
 * has or it is being removed, `internal` if the kernel refuses them; then nothing is changed
 */
export async function updateContainer(
  roles: UpdateRoles,
  container: Container,
  { limits: asked, restart }: ContainerUpdate,
): Promise<readonly string[]> {
  using _lock = await container.lock();
  const { status } = container.state;
  if (status === 'removing' || status === 'dead')
    throw containerError('update-of-removed', { subject: container.id });
  // How much swap there may be depends on the memory that the container has.
  const { memorySwapBytes: _, ...others } = asked;
  checkLimits(others);
  const { limits, warnings } = fitLimits(asked, roles.features);
  const spec = mergeChanges(container, { limits, ...(restart && { restart }) });
  checkLimits(spec.limits);
  if (container.run) await applyLimits(roles, container, spec);
  container.redefine({ spec });
  container.emit('update');
  return restart && restart.kind !== 'no' ? [...warnings, restartWarning(restart)] : warnings;
}

function mergeChanges(container: Container, { limits, restart }: ContainerUpdate): ContainerSpec {
  const { spec, id } = container;
  checkBesides(id, spec.limits, limits);
  const { memorySwapBytes = 0 } = spec.limits;
  const { memoryBytes = 0 } = limits;
  if (memoryBytes > 0 && memoryBytes > memorySwapBytes && limits.memorySwapBytes === undefined) {
    throw containerError('update-memory-above-swap', { subject: id });
  }
  if (restart && restart.kind !== 'no' && spec.removedOnExit)
    throw containerError('update-restart-of-removed', { subject: id });
  return { ...spec, limits: { ...spec.limits, ...limits }, ...(restart && { restart }) };
}

/** A number of processors is a period and a quota: what one way has set, the other does not change. */
function checkBesides(id: string, present: ResourceLimits, changes: ResourceLimits): void {
  const conflicts = [
    { change: changes.nanoCpus, what: 'Nano CPUs', set: present.cpuPeriodUs, other: 'CPU Period' },
    { change: changes.nanoCpus, what: 'Nano CPUs', set: present.cpuQuotaUs, other: 'CPU Quota' },
    { change: changes.cpuPeriodUs, what: 'CPU Period', set: present.nanoCpus, other: 'NanoCPUs' },
    { change: changes.cpuQuotaUs, what: 'CPU Quota', set: present.nanoCpus, other: 'NanoCPUs' },
  ];
  for (const { change = 0, what, set = 0, other } of conflicts) {
    if (change <= 0 || set <= 0) continue;
    throw containerError('update-cpus-and-period', { subject: id, details: { what, other } });
  }
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
