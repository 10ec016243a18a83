import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { containerError } from '../container-errors.ts';
import { containerLane } from '../files/lanes.ts';
import { findUser, requireRunnable } from '../files/root-files.ts';
import type { ContainerContext } from '../context.ts';
import { chooseNamespaces } from './join-namespaces.ts';
import type { ManagedContainer } from './managed-container.ts';
import { releaseMounts, resolveMounts } from '../mounts/mounts.ts';
import { cgroupPathOf } from '../process/runtime-command.ts';
import type { ContainerNetwork } from './sandbox.ts';
import { selectSeccomp } from '../spec/select-seccomp.ts';
import { prepareSharedMemory, releaseSharedMemory } from '../mounts/shared-memory.ts';
import { deviceQuery, findDevices } from '../spec/spec-devices.ts';
import { stringifySpec } from '../spec/spec-json.ts';
import { buildSpec, commandOf } from '../spec/spec.ts';
import { withAllUlimits } from '../spec/ulimits.ts';

/**
 * Makes ready what a container mounts, and writes the runtime's configuration into its bundle.
 *
 * @throws {EngineError} `invalid` for users, devices or mounts that cannot be and for programs of other machines,
 * `conflict` if it is to join a container that does not run
 */
export async function writeBundle(
  context: ContainerContext,
  container: ManagedContainer,
  place: { readonly rootPath: string; readonly network: ContainerNetwork; readonly bundle: string },
  undo: AsyncDisposableStack,
): Promise<void> {
  const { id, definition } = container;
  const wanted = withAllUlimits(context, container.spec);
  const { rootPath, network, bundle } = place;
  checkRunnable(container);
  const populate = container.state.status === 'created';
  const mountContext = {
    containerId: id,
    rootPath,
    volumes: context.volumes,
    files: context.files,
    populate,
  };
  const mounts = await resolveMounts(definition.mounts, mountContext);
  undo.defer(() => releaseMounts(definition.mounts, mountContext));
  const shmPath = prepareSharedMemory(context, container);
  undo.defer(() => releaseSharedMemory(context, container));
  // No process of it runs yet.
  const root = { files: context.files, rootPath, lane: containerLane(id), isWatched: false };
  const spec = buildSpec({
    id,
    spec: wanted,
    rootPath,
    hostname: wanted.hostname ?? '',
    domainname: wanted.domainname ?? '',
    ...(network.namespacePath !== undefined && { networkNamespacePath: network.namespacePath }),
    namespaces: chooseNamespaces(context, wanted.namespaces),
    mounts,
    files: network.files,
    ...(shmPath !== undefined && { shmPath }),
    user: await findUser(root, { user: wanted.process.user ?? '', groupAdd: wanted.process.groups }),
    devices: await findDevices(context.files, deviceQuery(wanted)),
    cgroupsPath: cgroupPathOf(context, container),
    cgroupLayout: context.cgroupLayout,
    seccomp: selectSeccomp(wanted.security, context.seccomp),
    initPath: context.defaults.initPath,
  });
  const process = { ...spec.process, args: commandOf(wanted) };
  await requireRunnable(root, { process, mounts: spec.mounts });
  writeFileSync(join(bundle, 'config.json'), stringifySpec(spec));
}

/** There is no driver of devices yet. */
function checkRunnable({ spec }: ManagedContainer): void {
  const [request] = spec.devices.requests;
  if (!request) return;
  const capabilities = request.capabilities.map((all) => `[${all.join(' ')}]`).join(' ');
  throw containerError('no-device-driver', { subject: request.driver, details: { capabilities } });
}
