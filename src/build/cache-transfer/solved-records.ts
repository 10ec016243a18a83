/** What a build has solved, as a cache that can leave the engine. */
import type { ImageLayer } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import { parseDigest } from '#oci/digest.ts';
import { formatDate } from '#base/timestamps.ts';
import type { CacheConfig, CacheConfigLayer, CacheConfigRecord } from './cache-config.ts';

/** One vertex and what came of it. */
export interface SolvedRecord {
  readonly key: string;
  /** The key of what it stands on; absent: a base image. */
  readonly parent?: string;
  /** Absent: it changed nothing. */
  readonly layer?: ImageLayer;
  readonly createdAtMs: number;
}

/** A layer as the blob that goes out. */
export interface PackedLayer {
  /** The diff ID of the blob: an eStargz layer has another than the layer that it is made of. */
  readonly diffId: Digest;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** @param packed by diff ID; records whose layer is not in it are left out */
export function cacheConfigOf(
  records: readonly SolvedRecord[],
  packed: ReadonlyMap<Digest, PackedLayer>,
): CacheConfig {
  const builder = new ConfigBuilder(packed);
  return builder.build(parentsFirst(records));
}

/** Keys are digests without their algorithm. */
export function digestOfKey(key: string): Digest {
  return parseDigest(`sha256:${key}`);
}

class ConfigBuilder {
  readonly #packed: ReadonlyMap<Digest, PackedLayer>;
  readonly #layers: CacheConfigLayer[] = [];
  readonly #records: CacheConfigRecord[] = [];
  readonly #positions = new Map<string, number>();
  /** By key: the topmost layer of what was built there, -1 without one. */
  readonly #tops = new Map<string, number>();
  readonly #links = new Map<string, number>();

  constructor(packed: ReadonlyMap<Digest, PackedLayer>) {
    this.#packed = packed;
  }

  build(records: readonly SolvedRecord[]): CacheConfig {
    for (const record of records) this.#add(record);
    return { layers: this.#layers, records: this.#records };
  }

  #add({ key, parent, layer, createdAtMs }: SolvedRecord): void {
    const below = this.#tops.get(parent ?? '') ?? -1;
    const packed = layer && this.#packed.get(layer.diffId);
    if (layer && !packed) return;
    const createdAt = formatDate(createdAtMs);
    const top = packed ? this.#layerOn(below, packed, createdAt) : below;
    const archive = packed?.diffId === layer?.diffId ? undefined : layer?.diffId;
    const result = { layer: top, createdAt, ...(archive !== undefined && { archive }) };
    const link = this.#links.get(parent ?? '');
    this.#tops.set(key, top);
    this.#links.set(key, this.#records.length);
    this.#records.push({
      digest: digestOfKey(key),
      ...(layer ? { layers: [result] } : { chains: [{ layers: [], createdAt }] }),
      ...(link !== undefined && { inputs: [[{ link }]] }),
    });
  }

  #layerOn(
    parent: number,
    { diffId: diffID, mediaType, digest, size }: PackedLayer,
    createdAt: string,
  ): number {
    const key = `${parent} ${digest}`;
    const known = this.#positions.get(key);
    if (known !== undefined) return known;
    const position = this.#layers.length;
    this.#positions.set(key, position);
    this.#layers.push({ blob: digest, parent, annotations: { mediaType, diffID, size, createdAt } });
    return position;
  }
}

/** In an order in which links point backwards, each key once. */
function parentsFirst(records: readonly SolvedRecord[]): readonly SolvedRecord[] {
  const byKey = new Map(records.map((record) => [record.key, record]));
  const ordered = new Map<string, SolvedRecord>();
  for (const record of records) {
    const chain: SolvedRecord[] = [];
    for (
      let at: SolvedRecord | undefined = record;
      at && !ordered.has(at.key);
      at = byKey.get(at.parent ?? '')
    )
      chain.unshift(at);
    for (const each of chain) ordered.set(each.key, each);
  }
  return [...ordered.values()];
}
