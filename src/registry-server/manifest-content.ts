/** What a registry reads in a manifest before it takes it (OCI image spec; Docker's schema 2). */
import type { JsonObject } from '#base/json.ts';
import { isEngineError } from '#base/errors.ts';
import { type Descriptor, decodeDescriptor } from '#oci/descriptor.ts';
import { JsonShape } from '#oci/json-shape.ts';
import { MAXIMUM_MANIFEST_BYTES } from '#oci/manifest.ts';
import { isIndexType, MEDIA_TYPES } from '#oci/media-types.ts';
import { RegistryError } from './registry-error.ts';

export interface ManifestContent {
  readonly mediaType: string;
  /** What must be in the repository already: config and layers; layers that lie elsewhere excepted. */
  readonly blobs: readonly Descriptor[];
  /** What an index lists. */
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const MAXIMUM_ITEMS = 10_000;

const TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.dockerManifest,
  MEDIA_TYPES.dockerManifestList,
]);

/**
 * @param contentType the header's
 * @throws {RegistryError} MANIFEST_INVALID, with the reason
 */
export function parseManifest(bytes: Buffer, contentType: string): ManifestContent {
  const shape = new JsonShape('manifest');
  try {
    const value = shape.parseUnambiguous(bytes, MAXIMUM_MANIFEST_BYTES);
    return contentOf(value, shape, mediaTypeOf(value, shape, contentType));
  } catch (error) {
    if (!isEngineError(error, 'invalid') || error instanceof RegistryError) throw error;
    throw new RegistryError('MANIFEST_INVALID', error.message, { cause: error });
  }
}

function mediaTypeOf(value: JsonObject, shape: JsonShape, contentType: string): string {
  const header = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  const own = shape.optionalString(value, 'mediaType') ?? '';
  const mediaType = header || own;
  if (!TYPES.has(mediaType)) throw shape.refusal(`media type ${JSON.stringify(mediaType)} is not supported`);
  if (own !== '' && own !== mediaType) throw shape.refusal(`its media type is ${own}, not ${mediaType}`);
  return mediaType;
}

function contentOf(value: JsonObject, shape: JsonShape, mediaType: string): ManifestContent {
  if (shape.optionalInteger(value, 'schemaVersion') !== 2) throw shape.refusal('schemaVersion is not 2');
  const isIndex = isIndexType(mediaType);
  // One document with two meanings is two images, depending on its reader.
  const foreign = isIndex ? ['config', 'layers'] : ['manifests'];
  for (const field of foreign)
    if (value[field] !== undefined) throw shape.refusal(`${field} has no place in it`);
  const subject = shape.optionalObject(value, 'subject');
  const annotations = shape.optionalStringMap(value, 'annotations');
  const config = isIndex ? undefined : configOf(value, shape);
  // Where a manifest does not say what it is, its config does (distribution-spec, "Listing Referrers").
  const artifactType = shape.optionalString(value, 'artifactType') || config?.mediaType;
  return {
    mediaType,
    blobs: config ? [config, ...layersOf(value, shape)] : [],
    manifests: isIndex ? descriptors(value, 'manifests', shape) : [],
    ...(subject ? { subject: decodeDescriptor(subject, shape) } : undefined),
    ...(artifactType ? { artifactType } : undefined),
    ...(annotations ? { annotations } : undefined),
  };
}

function configOf(value: JsonObject, shape: JsonShape): Descriptor {
  const config = shape.optionalObject(value, 'config');
  if (!config) throw shape.refusal('config is missing');
  return decodeDescriptor(config, shape);
}

function layersOf(value: JsonObject, shape: JsonShape): readonly Descriptor[] {
  return shape
    .array(value, 'layers', MAXIMUM_ITEMS)
    .map((layer) => shape.object(layer, 'layer'))
    .filter((layer) => shape.array(layer, 'urls', MAXIMUM_ITEMS).length === 0)
    .map((layer) => decodeDescriptor(layer, shape));
}

function descriptors(value: JsonObject, field: string, shape: JsonShape): readonly Descriptor[] {
  return shape
    .array(value, field, MAXIMUM_ITEMS)
    .map((item) => decodeDescriptor(shape.object(item, field), shape));
}
