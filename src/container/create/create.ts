import { mkdirSync, rmSync } from 'node:fs';
import { now } from '#base/clock.ts';
import { newId } from '#base/ids.ts';
import type { ResolvedImage } from '#image/image.ts';
import { hostPlatform, matchesPlatform, platformText } from '#oci/platform.ts';
import type { CreateContainerRequest, CreatedContainer } from '../container.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerDefinition } from '../container-record.ts';
import type { ContainerSpec } from '../container-spec.ts';
import type { ContainerContext } from '../context.ts';
import { requireBindSources } from '../mounts/bind-source.ts';
import type { MountPlan } from '../mounts/mount-plan.ts';
import { createPlannedVolumes, volumesOf } from '../mounts/mounts.ts';
import { planMounts } from '../mounts/plan-mounts.ts';
import { removeOwedVolumes } from '../owed-volumes.ts';
import { createManaged } from '../run/managed-container.ts';
import { sandboxRequest } from '../run/sandbox-request.ts';
import { initialState } from '../run/state.ts';
import { fitToHost } from './host-requirements.ts';
import { completeHostname } from './hostname.ts';
import { generateName, validateName } from './names.ts';
import { withImageDefaults } from './spec-defaults.ts';

/** Creates a container: directories and a row, no mount and no process. What fails leaves nothing behind. */
export async function createContainer(
  context: ContainerContext,
  { spec: asked, requested, name: wantedName, platform }: CreateContainerRequest,
): Promise<CreatedContainer> {
  const fitted = fitToHost(asked, context);
  const image = context.images.resolve(asked.image, platform ? { platform } : {});
  using _use = context.images.holdForUse(image.id);
  const id = newId();
  const spec = completeHostname(id, withImageDefaults(fitted, image.config));
  validateNetwork(context, spec);
  await using undo = new AsyncDisposableStack();
  const name = reserveName(context, id, wantedName);
  undo.defer(() => context.lookup.release(name, id));
  const definition: ContainerDefinition = {
    id,
    name,
    createdAt: now(),
    imageId: image.id,
    spec,
    requested,
    mounts: planMounts(spec.mounts, (reference) => mountsOf(context, reference)),
  };
  await requireBindSources(context.files, definition.mounts);
  context.snapshots.create({ id, layers: image.layers, volatile: spec.removedOnExit });
  undo.defer(() => context.snapshots.remove(id));
  await prepareVolumes(context, definition, undo);
  mkdirSync(context.paths.log(id), { recursive: true, mode: 0o710 });
  undo.defer(() => rmSync(context.paths.container(id), { recursive: true, force: true }));
  await record(context, definition);
  undo.move();
  return { id, warnings: platform ? [] : platformWarnings(image) };
}

/** Docker's text. */
function platformWarnings(image: ResolvedImage): readonly string[] {
  const host = hostPlatform();
  if (image.architecture === '' || matchesPlatform(image, host)) return [];
  return [
    `The requested image's platform (${platformText(image)}) does not match the detected host platform (${platformText(host)}) and no specific platform was requested`,
  ];
}

/** From here on the container is visible; without `--rm` it also survives power loss. */
async function record(context: ContainerContext, definition: ContainerDefinition): Promise<void> {
  const progress = { state: initialState };
  context.store.insert(definition, progress);
  context.store.owedVolumes.settle(volumesOf(definition.mounts, { anonymous: true }));
  const durable = definition.spec.removedOnExit ? undefined : context.store.durable();
  const container = createManaged(context, definition, progress);
  context.lookup.add(container);
  container.emit('create');
  await durable;
}

function validateNetwork({ networks }: ContainerContext, spec: ContainerSpec): void {
  if (spec.network.mode.kind !== 'joined') networks.validate(sandboxRequest('', '', spec));
}

function reserveName({ lookup }: ContainerContext, id: string, wanted: string | undefined): string {
  const isTaken = (name: string) => lookup.isTaken(name);
  const name = wanted ? validateName(wanted) : generateName(id, isTaken);
  lookup.reserve(name, id);
  return name;
}

/** @throws {EngineError} `no-container-with-volumes` */
function mountsOf({ lookup }: ContainerContext, reference: string): MountPlan {
  const found = lookup.find(reference);
  if (found) return found.definition.mounts;
  throw containerError('no-container-with-volumes', { subject: reference });
}

async function prepareVolumes(
  context: ContainerContext,
  { mounts }: ContainerDefinition,
  undo: AsyncDisposableStack,
): Promise<void> {
  if (volumesOf(mounts).length === 0) return;
  const anonymous = volumesOf(mounts, { anonymous: true });
  context.store.owedVolumes.note(anonymous);
  undo.defer(() => removeOwedVolumes(context, anonymous));
  await createPlannedVolumes(mounts, context.volumes);
}
