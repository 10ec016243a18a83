/** Content descriptors: what a blob is, its digest and its size (OCI image spec, descriptor.md). */
import type { JsonObject } from '#base/json.ts';
import { type Digest, isDigest } from './digest.ts';
import type { JsonShape } from './json-shape.ts';
import type { Platform } from './platform.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  /** The type of what a manifest holds, where that is no image. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** @throws {EngineError} `invalid` */
export function decodeDescriptor(value: JsonObject, shape: JsonShape): Descriptor {
  const digest = shape.string(value, 'digest');
  if (!isDigest(digest)) throw shape.refusal(`${JSON.stringify(digest)} is not a sha256 digest`);
  const size = shape.optionalInteger(value, 'size') ?? 0;
  if (size < 0) throw shape.refusal('size is negative');
  const platform = shape.optionalObject(value, 'platform');
  const annotations = shape.optionalStringMap(value, 'annotations');
  const artifactType = shape.optionalString(value, 'artifactType');
  return {
    mediaType: shape.optionalString(value, 'mediaType') ?? '',
    digest,
    size,
    ...(platform ? { platform: decodePlatform(platform, shape) } : undefined),
    ...(artifactType ? { artifactType } : undefined),
    ...(annotations ? { annotations } : undefined),
  };
}

function decodePlatform(value: JsonObject, shape: JsonShape): Platform {
  const variant = shape.optionalString(value, 'variant');
  return {
    os: shape.optionalString(value, 'os') ?? '',
    architecture: shape.optionalString(value, 'architecture') ?? '',
    ...(variant ? { variant } : undefined),
  };
}
