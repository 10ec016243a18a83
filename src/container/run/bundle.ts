import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileService } from '#linux/file-service.ts';
import { containerLane } from '../files/lanes.ts';
import { findUser, requireRunnable } from '../files/root-files.ts';
import { type LinkableContainers, withLinkVariables } from '../links.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';
import type { SeccompProfile } from '../spec/seccomp.ts';
import { selectSeccomp } from '../spec/select-seccomp.ts';
import { checkDeviceRequests, deviceQuery, findDevices } from '../spec/spec-devices.ts';
import { stringifySpec } from '../spec/spec-json.ts';
import { buildSpec, commandOf } from '../spec/spec.ts';
import { type UlimitDefaults, withAllUlimits } from '../spec/ulimits.ts';
import type { WorkloadNetwork } from './connect-network.ts';
import { type JoinableContainers, chooseNamespaces } from './join-namespaces.ts';
import type { Workload, WorkloadMounts } from './workload.ts';

/** What the engine gives to every workload that asks for nothing else. */
interface Confinement extends UlimitDefaults {
  /** Undefined: unconfined. */
  readonly seccomp: SeccompProfile | undefined;
  /** The host's tini. */
  readonly initPath: string;
}

export interface BundleRoles {
  readonly files: FileService;
  readonly lookup: JoinableContainers & LinkableContainers;
  readonly cgroups: ContainerCgroups;
  readonly confinement: Confinement;
}

/** What a workload's bundle is made of besides the workload itself. */
export interface BundleContents extends WorkloadMounts {
  readonly directory: string;
  readonly rootPath: string;
  readonly network: WorkloadNetwork;
}

/**
 * Writes the runtime's configuration into a workload's bundle.
 *
 * @throws {EngineError} `invalid` for users and devices that cannot be and for programs of other machines, `conflict`
 * if it is to join a container that does not run
 */
export async function writeBundle(
  { files, lookup, cgroups, confinement }: BundleRoles,
  workload: Workload,
  { directory, rootPath, network, mounts, shmPath }: BundleContents,
): Promise<void> {
  const { id } = workload;
  const wanted = withAllUlimits(confinement, withLinkVariables(lookup, workload));
  checkDeviceRequests(wanted.devices);
  // No process of it runs yet.
  const root = { files, rootPath, lane: containerLane(id), isWatched: false };
  const spec = buildSpec({
    id,
    spec: wanted,
    rootPath,
    hostname: wanted.hostname ?? '',
    domainname: wanted.domainname ?? '',
    ...(network.namespacePath !== undefined && { networkNamespacePath: network.namespacePath }),
    namespaces: chooseNamespaces(lookup, wanted.namespaces),
    mounts,
    files: network.files,
    ...(shmPath !== undefined && { shmPath }),
    user: await findUser(root, { user: wanted.process.user ?? '', groupAdd: wanted.process.groups }),
    devices: await findDevices(files, deviceQuery(wanted)),
    cgroupsPath: cgroups.pathOf(workload),
    cgroupLayout: cgroups.layout,
    seccomp: selectSeccomp(wanted.security, confinement.seccomp),
    initPath: confinement.initPath,
  });
  const process = { ...spec.process, args: commandOf(wanted) };
  await requireRunnable(root, { process, mounts: spec.mounts });
  writeFileSync(join(directory, 'config.json'), stringifySpec(spec));
}
