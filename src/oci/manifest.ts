/** Image manifests and indexes (OCI image spec, manifest.md and image-index.md; Docker's schema 2). */
import type { JsonObject } from '#base/json.ts';
import { type Descriptor, decodeDescriptor } from './descriptor.ts';
import { JsonShape } from './json-shape.ts';
import { isIndexType, MEDIA_TYPES } from './media-types.ts';

/** Registries take no larger ones (distribution spec, "pushing manifests"). */
export const MAXIMUM_MANIFEST_BYTES = 4 * 1024 * 1024;

const MAXIMUM_LAYERS = 1024;
const MAXIMUM_MANIFESTS = 10_000;

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** True if `value`, decoded JSON, is an index rather than a manifest. */
export function isIndex(value: JsonObject): boolean {
  const { mediaType } = value;
  return typeof mediaType === 'string' && mediaType !== '' ? isIndexType(mediaType) : 'manifests' in value;
}

/** @throws {EngineError} `invalid` */
export function decodeManifest(bytes: Buffer): Manifest {
  const shape = new JsonShape('image manifest');
  const value = shape.parseUnambiguous(bytes, MAXIMUM_MANIFEST_BYTES);
  verifyVersion(value, shape);
  refuseFields(value, ['manifests', 'fsLayers'], shape);
  const config = shape.optionalObject(value, 'config');
  if (!config) throw shape.refusal('config is missing');
  const layers = shape.array(value, 'layers', MAXIMUM_LAYERS);
  return {
    schemaVersion: 2,
    mediaType: shape.optionalString(value, 'mediaType') || MEDIA_TYPES.ociManifest,
    config: decodeDescriptor(config, shape),
    layers: layers.map((layer) => decodeDescriptor(shape.object(layer, 'layer'), shape)),
    ...annotationsOf(value, shape),
  };
}

/** @throws {EngineError} `invalid` */
export function decodeIndex(bytes: Buffer): ImageIndex {
  const shape = new JsonShape('image index');
  const value = shape.parseUnambiguous(bytes, MAXIMUM_MANIFEST_BYTES);
  verifyVersion(value, shape);
  refuseFields(value, ['config', 'layers', 'fsLayers'], shape);
  const manifests = shape.array(value, 'manifests', MAXIMUM_MANIFESTS);
  return {
    schemaVersion: 2,
    mediaType: shape.optionalString(value, 'mediaType') || MEDIA_TYPES.ociIndex,
    manifests: manifests.map((each) => decodeDescriptor(shape.object(each, 'manifest'), shape)),
    ...annotationsOf(value, shape),
  };
}

function verifyVersion(value: JsonObject, shape: JsonShape): void {
  if (shape.optionalInteger(value, 'schemaVersion') !== 2) throw shape.refusal('schemaVersion is not 2');
}

/** A document of two kinds is read as one by some and as the other by others (CVE-2021-41190). */
function refuseFields(value: JsonObject, fields: readonly string[], shape: JsonShape): void {
  const field = fields.find((name) => value[name] !== undefined && value[name] !== null);
  if (field !== undefined) throw shape.refusal(`it has the field ${field} of another kind of document`);
}

function annotationsOf(
  value: JsonObject,
  shape: JsonShape,
): { readonly annotations?: Readonly<Record<string, string>> } {
  const annotations = shape.optionalStringMap(value, 'annotations');
  return annotations ? { annotations } : {};
}
