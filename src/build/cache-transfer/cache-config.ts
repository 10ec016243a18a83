/**
 * Caches outside the engine, in BuildKit's form: `application/vnd.buildkit.cacheconfig.v0` (moby/buildkit,
 * cache/remotecache/v1). Keys are the engine's own: other engines of this kind find what BuildKit cannot.
 */
import type { JsonObject } from '#base/json.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import { JsonShape } from '#oci/json-shape.ts';

export const CACHE_CONFIG_TYPE = 'application/vnd.buildkit.cacheconfig.v0';
/** The field of an image's configuration that holds its cache (`type=inline`). */
export const INLINE_FIELD = 'moby.buildkit.cache.v0';
export const MAXIMUM_CACHE_BYTES = 64 << 20;

const MAXIMUM_LAYERS = 100_000;
const MAXIMUM_RECORDS = 1_000_000;
const NO_PARENT = -1;

export interface CacheConfig {
  readonly layers: readonly CacheConfigLayer[];
  readonly records: readonly CacheConfigRecord[];
}

export interface CacheConfigLayer {
  readonly blob: Digest;
  /** Position of the layer below; -1 without one. */
  readonly parent: number;
  readonly annotations?: {
    readonly mediaType: string;
    readonly diffID: Digest;
    readonly size: number;
    readonly createdAt: string;
  };
}

interface CacheConfigResult {
  readonly layer: number;
  readonly createdAt: string;
  /** The engine's own: the diff ID of the layer that an eStargz one was made of, which keys know. */
  readonly archive?: Digest;
}

export interface CacheConfigRecord {
  /** The key of a vertex. */
  readonly digest: Digest;
  /** Its result: a layer with all that are below it. */
  readonly layers?: readonly CacheConfigResult[];
  /** The same as a list of layers; empty: the vertex changes nothing. */
  readonly chains?: readonly { readonly layers: readonly number[]; readonly createdAt: string }[];
  /** What it stands on. */
  readonly inputs?: readonly (readonly { readonly link: number }[])[];
}

export function encodeCacheConfig(config: CacheConfig): Buffer {
  return Buffer.from(JSON.stringify(config));
}

/** @throws {EngineError} `invalid` */
export function decodeCacheConfig(bytes: Buffer): CacheConfig {
  const shape = new JsonShape('cache configuration');
  const value = shape.parse(bytes, MAXIMUM_CACHE_BYTES);
  const layers = shape.array(value, 'layers', MAXIMUM_LAYERS);
  return {
    layers: layers.map((layer) => decodeLayer(shape.object(layer, 'layer'), shape)),
    records: decodeRecords(shape.array(value, 'records', MAXIMUM_RECORDS), shape),
  };
}

/** The records alone, as images bring them. @throws {EngineError} `invalid` */
export function decodeInlineRecords(text: string): readonly CacheConfigRecord[] {
  const shape = new JsonShape('inline cache');
  const records = shape.parseAny(Buffer.from(text, 'base64'), MAXIMUM_CACHE_BYTES);
  return decodeRecords(shape.array({ records }, 'records', MAXIMUM_RECORDS), shape);
}

function decodeLayer(value: JsonObject, shape: JsonShape): CacheConfigLayer {
  const annotations = shape.optionalObject(value, 'annotations');
  return {
    blob: digestIn(value, 'blob', shape),
    parent: shape.optionalInteger(value, 'parent') ?? NO_PARENT,
    ...(annotations && {
      annotations: {
        mediaType: shape.optionalString(annotations, 'mediaType') ?? '',
        diffID: digestIn(annotations, 'diffID', shape),
        size: shape.optionalInteger(annotations, 'size') ?? 0,
        createdAt: shape.optionalString(annotations, 'createdAt') ?? '',
      },
    }),
  };
}

function digestIn(value: JsonObject, field: string, shape: JsonShape): Digest {
  const digest = shape.string(value, field);
  if (isDigest(digest)) return digest;
  throw shape.refusal(`${field} is not a digest`);
}

function decodeRecords(values: readonly unknown[], shape: JsonShape): readonly CacheConfigRecord[] {
  return values.map((value) => decodeRecord(shape.object(value, 'record'), shape));
}

/** Links are left out: a key says itself what it stands on. */
function decodeRecord(value: JsonObject, shape: JsonShape): CacheConfigRecord {
  const layers = shape.array(value, 'layers', MAXIMUM_LAYERS).map((item) => {
    const result = shape.object(item, 'result');
    const layer = shape.optionalInteger(result, 'layer') ?? 0;
    const archive = shape.optionalString(result, 'archive');
    return {
      layer,
      createdAt: createdIn(result, shape),
      ...(archive !== undefined && isDigest(archive) && { archive }),
    };
  });
  const chains = shape.array(value, 'chains', MAXIMUM_LAYERS).map((item) => {
    const chain = shape.object(item, 'chain');
    const positions = shape.array(chain, 'layers', MAXIMUM_LAYERS).map(Number);
    return { layers: positions, createdAt: createdIn(chain, shape) };
  });
  return {
    digest: digestIn(value, 'digest', shape),
    ...(layers.length > 0 && { layers }),
    ...(chains.length > 0 && { chains }),
  };
}

function createdIn(value: JsonObject, shape: JsonShape): string {
  return shape.optionalString(value, 'createdAt') ?? '';
}
