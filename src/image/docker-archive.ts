/** `manifest.json` of what `docker save` writes (moby, image/spec). */
import type { JsonObject } from '#base/json.ts';
import { MAXIMUM_CONFIG_BYTES, MAXIMUM_LAYERS } from '#oci/image-config.ts';
import { JsonShape } from '#oci/json-shape.ts';
import { parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { ArchiveFile, ArchiveFiles } from './archive-files.ts';
import type { BlobReader } from './archive-content.ts';
import { imageError } from './image-errors.ts';
import type { StoredManifest } from './image-manifests.ts';

/** An image as an archive describes it; nothing of it is verified yet. */
export interface ArchivedImage {
  readonly config: Buffer;
  /** Bottom first. */
  readonly layers: readonly ArchiveFile[];
  readonly references: readonly Reference[];
  /** See `NewImage`. */
  readonly manifests?: readonly StoredManifest[];
  /** It is another platform of an image of the archive, which is told instead. */
  readonly isOtherPlatform?: boolean;
}

export const DOCKER_MANIFEST = 'manifest.json';

const MAXIMUM_BYTES = 16 * 1024 * 1024;
const MAXIMUM_IMAGES = 10_000;
const MAXIMUM_TAGS = 10_000;

/** @throws {EngineError} `invalid` if it is malformed or names files that are not there */
export async function readDockerArchive(
  files: ArchiveFiles,
  reader: BlobReader,
): Promise<readonly ArchivedImage[]> {
  const shape = new JsonShape(DOCKER_MANIFEST);
  const manifest = shape.parseAny(
    await reader.read(files.require(DOCKER_MANIFEST), MAXIMUM_BYTES),
    MAXIMUM_BYTES,
  );
  const items = shape.array({ manifest }, 'manifest', MAXIMUM_IMAGES);
  return await Promise.all(
    items.map((item) => imageOf(shape.object(item, 'an image'), shape, files, reader)),
  );
}

async function imageOf(
  item: JsonObject,
  shape: JsonShape,
  files: ArchiveFiles,
  reader: BlobReader,
): Promise<ArchivedImage> {
  const layers = shape.optionalStrings(item, 'Layers', MAXIMUM_LAYERS) ?? [];
  const tags = shape.optionalStrings(item, 'RepoTags', MAXIMUM_TAGS) ?? [];
  return {
    config: await reader.read(files.require(shape.string(item, 'Config')), MAXIMUM_CONFIG_BYTES),
    layers: layers.map((path) => files.require(path)),
    references: tags.map(tagOf),
  };
}

function tagOf(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest) throw imageError('archive-tag-invalid', { subject: text });
  return withDefaultTag(reference);
}
