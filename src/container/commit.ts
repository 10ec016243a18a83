import { applyChanges } from '#dockerfile/apply-changes.ts';
import type { Digest } from '#oci/digest.ts';
import { familiarReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { CommitContainerRequest } from './container.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { ImageStore } from '#image/image.ts';
import type { ContainerCgroups } from './process/container-cgroups.ts';
import { mergeImageDefaults } from './create/image-config.ts';
import { defaultsOf } from './create/spec-defaults.ts';
import type { Container } from './run/container.ts';
import { standStill } from './run/pause.ts';

export interface CommitRoles {
  readonly images: Pick<ImageStore, 'commit'>;
  readonly snapshots: Pick<SnapshotStore, 'writeDiff'>;
  readonly cgroups: ContainerCgroups;
}

/**
 * Makes an image of what a container changed; its processes stand still meanwhile, unless told otherwise.
 *
 * @throws {EngineError} `invalid` for a change or reference, `not-found` if its image is gone
 */
export async function commitContainer(
  { images, snapshots, cgroups }: CommitRoles,
  container: Container,
  request: CommitContainerRequest,
): Promise<Digest> {
  const config = configOf(container, request);
  await using _ = request.pause ? await standStill(cgroups, container) : undefined;
  const { reference, comment, author, signal } = request;
  const id = await images.commit({
    parent: container.definition.imageId,
    writeChanges: (path) => snapshots.writeDiff(container.id, path, signal),
    config,
    containerId: container.id,
    createdBy: (container.spec.process.command ?? []).join(' '),
    ...(reference ? { reference } : {}),
    ...(comment ? { comment } : {}),
    ...(author ? { author } : {}),
    ...(signal ? { signal } : {}),
  });
  const imageRef = reference ? familiarReference(withDefaultTag(parseReference(reference))) : '';
  container.emit('commit', { comment: comment ?? '', imageID: id, imageRef });
  return id;
}

/** The instructions go first; what they leave open is the container's. */
function configOf({ spec }: Container, { config, changes }: CommitContainerRequest): ImageDefaults {
  const own = defaultsOf(spec);
  const { Cmd = [], ...changed } = applyChanges(withoutEmpty(config ?? own), changes);
  return withoutEmpty(mergeImageDefaults({ ...changed, ...(Cmd.length > 0 && { Cmd }) }, own));
}

/** What images keep: empty fields are absent. */
function withoutEmpty(defaults: ImageDefaults): ImageDefaults {
  return Object.fromEntries(Object.entries(defaults).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
