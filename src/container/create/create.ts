import { mkdirSync, rmSync } from 'node:fs';
import { now } from '#base/clock.ts';
import { newId } from '#base/ids.ts';
import type { ImageStore, ResolvedImage } from '#image/image.ts';
import { hostPlatform, matchesPlatform, platformText } from '#oci/platform.ts';
import type { CreateContainerRequest, CreatedContainer } from '../container.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerDefinition } from '../container-record.ts';
import type { Networks } from '#network/network.ts';
import type { ContainerPaths } from '../container-paths.ts';
import type { ContainerStore } from '../container-store.ts';
import type { Lookup } from '../lookup.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { FileService } from '#linux/file-service.ts';
import type { Volumes } from '#volume/volume.ts';
import type { Logger } from '#base/log.ts';
import { withLinkIds } from '../links.ts';
import { requireBindSources } from '../mounts/bind-source.ts';
import type { MountPlan } from '../mounts/mount-plan.ts';
import { createPlannedVolumes, fillVolumes, volumesOf } from '../mounts/mounts.ts';
import { makeWorkingDirectory } from '../mounts/points.ts';
import { planMounts } from '../mounts/plan-mounts.ts';
import { removeOrphanVolumes } from '../orphan-volumes.ts';
import type { Container } from '../run/container.ts';
import type { MakeContainer } from '../run/restore.ts';
import { sandboxRequest } from '../run/sandbox-request.ts';
import { initialState } from '../run/state.ts';
import { type ContainerHost, fitToHost } from './host-requirements.ts';
import { completeHostname } from './hostname.ts';
import { missingWarnings } from './missing-features.ts';
import { generateName, validateName } from './names.ts';
import { withImageDefaults } from './spec-defaults.ts';

export interface CreateRoles {
  readonly host: ContainerHost;
  readonly images: Pick<ImageStore, 'resolve' | 'holdForUse'>;
  readonly networks: Pick<Networks, 'validate'>;
  readonly table: ContainerTable;
  readonly storage: ContainerStorage;
}

/** Where containers are known. */
interface ContainerTable {
  readonly lookup: Lookup<Container>;
  readonly store: ContainerStore;
  readonly make: MakeContainer;
}

/** Where their files are. */
interface ContainerStorage {
  readonly snapshots: Pick<SnapshotStore, 'create' | 'remove' | 'showLayers' | 'mount' | 'unmount'>;
  readonly volumes: Volumes;
  readonly paths: Pick<ContainerPaths, 'log' | 'container'>;
  readonly files: FileService;
  readonly logger: Logger;
}

/** Creates a container: directories, a row and what its volumes begin with; no process. A failure leaves nothing behind. */
export async function createContainer(
  { host, images, networks, table, storage }: CreateRoles,
  { spec: asked, requested, name: wantedName, platform }: CreateContainerRequest,
): Promise<CreatedContainer> {
  const { spec: fitted, warnings } = fitToHost(asked, host);
  const image = images.resolve(asked.image, platform ? { platform } : {});
  using _use = images.holdForUse(image.id);
  const id = newId();
  const spec = withLinkIds(table.lookup, completeHostname(id, withImageDefaults(fitted, image.config)));
  if (spec.network.mode.kind !== 'joined') networks.validate(sandboxRequest('', '', spec));
  await using undo = new AsyncDisposableStack();
  const name = reserveName(table.lookup, id, wantedName);
  undo.defer(() => table.lookup.release(name, id));
  const definition: ContainerDefinition = {
    id,
    name,
    createdAt: now(),
    imageId: image.id,
    spec,
    requested,
    mounts: planMounts(spec.mounts, (reference) => mountsOf(table.lookup, reference)),
  };
  await requireBindSources(storage.files, definition.mounts);
  storage.snapshots.create({ id, layers: image.layers, volatile: spec.removedOnExit });
  undo.defer(() => storage.snapshots.remove(id));
  await prepareVolumes({ ...storage, ...table }, definition, undo);
  const { workingDirectory } = spec.process;
  // That of the image is most often there; if not, it is made at the start.
  if (workingDirectory !== undefined && workingDirectory !== image.config.WorkingDir)
    await makeWorkingDirectory(storage, id, workingDirectory);
  mkdirSync(storage.paths.log(id), { recursive: true, mode: 0o710 });
  undo.defer(() => rmSync(storage.paths.container(id), { recursive: true, force: true }));
  await record(table, definition);
  undo.move();
  return {
    id,
    warnings: [...(platform ? [] : platformWarnings(image)), ...warnings, ...missingWarnings(spec)],
  };
}

/** Warnings, in Docker's text. */
function platformWarnings(image: ResolvedImage): readonly string[] {
  const host = hostPlatform();
  if (image.architecture === '' || matchesPlatform(image, host)) return [];
  return [
    `The requested image's platform (${platformText(image)}) does not match the detected host platform (${platformText(host)}) and no specific platform was requested`,
  ];
}

/** Makes the container visible; without `--rm` it also survives power loss. */
async function record(
  { store, lookup, make }: ContainerTable,
  definition: ContainerDefinition,
): Promise<void> {
  store.insert(definition, { state: initialState });
  store.orphanVolumes.forget(volumesOf(definition.mounts, { anonymous: true }));
  const durable = definition.spec.removedOnExit ? undefined : store.durable();
  const container = make(definition, initialState);
  lookup.add(container);
  container.emit('create');
  await durable;
}

function reserveName(lookup: Lookup<Container>, id: string, wanted: string | undefined): string {
  const isTaken = (name: string) => lookup.isTaken(name);
  const name = wanted ? validateName(wanted) : generateName(id, isTaken);
  lookup.reserve(name, id);
  return name;
}

/** @throws {EngineError} `no-container-with-volumes` */
function mountsOf(lookup: Lookup<Container>, reference: string): MountPlan {
  const found = lookup.find(reference);
  if (found) return found.definition.mounts;
  throw containerError('no-container-with-volumes', { subject: reference });
}

async function prepareVolumes(
  roles: ContainerStorage & Pick<ContainerTable, 'store'>,
  { id, mounts }: ContainerDefinition,
  undo: AsyncDisposableStack,
): Promise<void> {
  if (volumesOf(mounts).length === 0) return;
  const anonymous = volumesOf(mounts, { anonymous: true });
  roles.store.orphanVolumes.record(anonymous);
  undo.defer(() => removeOrphanVolumes(roles, anonymous));
  await createPlannedVolumes(mounts, roles.volumes);
  using view = new DisposableStack();
  let root: string | undefined;
  await fillVolumes(mounts, roles.volumes, () => (root ??= view.use(roles.snapshots.showLayers(id)).root));
}
