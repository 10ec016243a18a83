import { mkdirSync, rmSync } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import type { ResolvedImage } from '#image/image.ts';
import { hostPlatform, matchesPlatform, platformText } from '#oci/platform.ts';
import type { CreateRequest } from '#wire/container.ts';
import { decodePlatform } from '#wire/platform.ts';
import { now } from '#base/clock.ts';
import type { ContainerDefinition } from '../container-record.ts';
import type { ContainerContext } from '../context.ts';
import { attachmentsOf, portRequestsOf } from '../docker-network.ts';
import { fitToHost } from './host-requirements.ts';
import { mergeImageConfig } from './image-config.ts';
import { createManaged } from '../run/managed-container.ts';
import { requireBindSources } from '../mounts/bind-source.ts';
import type { MountPlan } from '../mounts/mount-plan.ts';
import { createPlannedVolumes, planMounts, volumesOf } from '../mounts/mounts.ts';
import { generateName, validateName } from './names.ts';
import { completeHostname } from './hostname.ts';
import { removeOwedVolumes } from '../owed-volumes.ts';
import { initialState } from '../run/state.ts';

export interface CreatedContainer {
  readonly id: string;
  readonly warnings: readonly string[];
}

export interface CreateOptions {
  /** Absent: one is made up. */
  readonly name?: string;
  /** As clients send it; absent: whatever the image is for. */
  readonly platform?: string;
}

/** Creates a container: directories and a row, no mount and no process. What fails leaves nothing behind. */
export async function createContainer(
  context: ContainerContext,
  request: CreateRequest,
  { name: wantedName, platform: wantedPlatform = '' }: CreateOptions = {},
): Promise<CreatedContainer> {
  const platform = decodePlatform(wantedPlatform);
  const image = context.images.resolve(request.config.Image, platform ? { platform } : {});
  using _use = context.images.holdForUse(image.id);
  const id = newId();
  const config = mergeImageConfig(request.config, image.config);
  const { hostConfig, warnings } = fitToHost(config, request.hostConfig, context);
  const endpoints = request.networkingConfig.EndpointsConfig ?? {};
  validateNetwork(context, hostConfig, endpoints);
  await using undo = new AsyncDisposableStack();
  const name = reserveName(context, id, wantedName);
  undo.defer(() => context.lookup.release(name, id));
  const planOf = (reference: string) => mountsOf(context, reference);
  const definition: ContainerDefinition = {
    id,
    name,
    createdAt: now(),
    imageId: image.id,
    config: completeHostname(id, config, hostConfig),
    hostConfig,
    usesDefaultLog: request.hostConfig.LogConfig.Type === '',
    endpoints,
    mounts: planMounts({ config, hostConfig, planOf }),
  };
  await requireBindSources(context.files, definition.mounts);
  context.snapshots.create({ id, layers: image.layers, volatile: hostConfig.AutoRemove });
  undo.defer(() => context.snapshots.remove(id));
  await prepareVolumes(context, definition, undo);
  mkdirSync(context.paths.log(id), { recursive: true, mode: 0o710 });
  undo.defer(() => rmSync(context.paths.container(id), { recursive: true, force: true }));
  await record(context, definition);
  undo.move();
  return { id, warnings: platform ? warnings : [...platformWarnings(image), ...warnings] };
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
  const durable = definition.hostConfig.AutoRemove ? undefined : context.store.durable();
  const container = createManaged(context, definition, progress);
  context.lookup.add(container);
  container.emit('create');
  await durable;
}

function validateNetwork(
  { networks }: ContainerContext,
  hostConfig: CreateRequest['hostConfig'],
  endpoints: ContainerDefinition['endpoints'],
): void {
  if (hostConfig.NetworkMode.startsWith('container:')) return;
  portRequestsOf(hostConfig.PortBindings ?? {});
  networks.validate({
    attachments: attachmentsOf(hostConfig.NetworkMode, endpoints),
    extraHosts: hostConfig.ExtraHosts ?? [],
    dnsServers: hostConfig.Dns ?? [],
  });
}

function reserveName({ lookup }: ContainerContext, id: string, wanted: string | undefined): string {
  const isTaken = (name: string) => lookup.isTaken(name);
  const name = wanted ? validateName(wanted) : generateName(id, isTaken);
  lookup.reserve(name, id);
  return name;
}

/** Clients take `not-found` for a missing image. @throws {EngineError} `invalid` */
function mountsOf({ lookup }: ContainerContext, reference: string): MountPlan {
  const found = lookup.find(reference);
  if (found) return found.definition.mounts;
  throw new EngineError('invalid', `No such container: ${reference}`);
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
