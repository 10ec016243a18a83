/**
 * The oldest archives (Docker before 1.10): `ID/json` and `ID/layer.tar` for each layer, which names its parent, and
 * `repositories`. Each layer is an image of its own; its configuration is made from its JSON as Docker makes it, so
 * that it gets the same id.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '#base/json.ts';
import { formatDate } from '#base/timestamps.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { MAXIMUM_CONFIG_BYTES, MAXIMUM_LAYERS } from '#oci/image-config.ts';
import { JsonShape } from '#oci/json-shape.ts';
import { parseReference, type Reference, withTag } from '#oci/reference.ts';
import type { BlobReader } from './archive-content.ts';
import type { ArchiveFile, ArchiveFiles } from './archive-files.ts';
import { imageError } from './image-errors.ts';
import type { ImageLayer } from './image-record.ts';
import type { NewImage } from './image-registrar.ts';

export const LEGACY_NAMES = 'repositories';

const MAXIMUM_NAMES_BYTES = 1024 * 1024;
/** What belongs to the format, not to the configuration. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'id',
  'parent',
  'parent_id',
  'layer_id',
  'throwaway',
  'Size',
  'rootfs',
  'history',
]);

/** One that is part of another is not told: that is. */
export interface ImageOfArchive extends NewImage {
  readonly isPart?: boolean;
}

interface LegacySources {
  readonly files: ArchiveFiles;
  readonly reader: BlobReader;
  readonly unpack: (file: ArchiveFile) => Promise<ImageLayer>;
}

/** @throws {EngineError} `invalid` if it is malformed, or names what is not there */
export async function readLegacyArchive(sources: LegacySources): Promise<readonly ImageOfArchive[]> {
  const { files, reader } = sources;
  const shape = new JsonShape(LEGACY_NAMES);
  const bytes = await reader.read(files.require(LEGACY_NAMES), MAXIMUM_NAMES_BYTES);
  const names = namesById(shape.parse(bytes, MAXIMUM_NAMES_BYTES), shape);
  const chains = new LegacyChains(sources);
  const ids = [...files.names()].flatMap((name) => /^([^/]+)\/json$/.exec(name)?.[1] ?? []);
  for (const id of [...ids, ...names.keys()]) await chains.add(id);
  return chains.images(names);
}

/** `{"busybox": {"latest": "ID"}}` */
function namesById(value: JsonObject, shape: JsonShape): ReadonlyMap<string, readonly Reference[]> {
  const names = new Map<string, readonly Reference[]>();
  for (const name of Object.keys(value)) {
    const tags = shape.optionalStringMap(value, name) ?? {};
    for (const [tag, id] of Object.entries(tags))
      names.set(id, [...(names.get(id) ?? []), withTag(parseReference(name), tag)]);
  }
  return names;
}

/** One image, whose layers are unpacked. */
interface LegacyImage {
  readonly digest: Digest;
  readonly configBytes: Buffer;
  readonly layers: readonly ImageLayer[];
  readonly history: readonly object[];
  readonly parent?: Digest;
}

class LegacyChains {
  readonly #sources: LegacySources;
  readonly #images = new Map<string, LegacyImage>();

  constructor(sources: LegacySources) {
    this.#sources = sources;
  }

  images(names: ReadonlyMap<string, readonly Reference[]>): readonly ImageOfArchive[] {
    const parents = new Set([...this.#images.values()].map(({ parent }) => parent));
    return [...this.#images].map(([id, { digest, configBytes, layers, parent }]) => ({
      configBytes,
      layers,
      references: names.get(id) ?? [],
      ...(parent && { parent }),
      ...(!names.has(id) && parents.has(digest) && { isPart: true }),
    }));
  }

  /** The image and all that it was made from, the lowest first. */
  async add(id: string): Promise<void> {
    const missing: { readonly id: string; readonly json: JsonObject }[] = [];
    let next: string | undefined = id;
    while (next && !this.#images.has(next)) {
      const json: JsonObject = await this.#describe(next);
      missing.push({ id: next, json });
      if (missing.length > MAXIMUM_LAYERS)
        throw invalid(`image ${id} has more than ${MAXIMUM_LAYERS} layers`);
      next = shape.optionalString(json, 'parent') || undefined;
    }
    for (const { id: own, json } of missing.toReversed()) this.#images.set(own, await this.#make(own, json));
  }

  async #describe(id: string): Promise<JsonObject> {
    const { files, reader } = this.#sources;
    const bytes = await reader.read(files.require(`${id}/json`), MAXIMUM_CONFIG_BYTES);
    return shape.parseUnambiguous(bytes, MAXIMUM_CONFIG_BYTES);
  }

  async #make(id: string, json: JsonObject): Promise<LegacyImage> {
    const below = this.#images.get(shape.optionalString(json, 'parent') ?? '');
    const layer = await this.#sources.unpack(this.#sources.files.require(`${id}/layer.tar`));
    const layers = [...(below?.layers ?? []), layer];
    const history = [...(below?.history ?? []), historyOf(json)];
    const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
    const own = Object.entries(json).filter(([name]) => !OWN_FIELDS.has(name));
    const configBytes = goJson(Object.fromEntries([...own, ['rootfs', rootfs], ['history', history]]));
    const digest = parseDigest(`sha256:${createHash('sha256').update(configBytes).digest('hex')}`);
    return { digest, configBytes, layers, history, ...(below && { parent: below.digest }) };
  }
}

const shape = new JsonShape('image description');

/** In the order that Docker writes. */
function historyOf(json: JsonObject): object {
  const text = (name: string) => shape.optionalString(json, name) ?? '';
  const container = shape.optionalObject(json, 'container_config') ?? {};
  const createdBy = shape.optionalStrings(container, 'Cmd', Number.POSITIVE_INFINITY) ?? [];
  return {
    created: text('created') || formatDate(0),
    ...(createdBy.length > 0 && { created_by: createdBy.join(' ') }),
    ...(text('author') && { author: text('author') }),
    ...(text('comment') && { comment: text('comment') }),
  };
}

/** As Go writes a map: by name, without characters that HTML knows. */
function goJson(value: Readonly<Record<string, unknown>>): Buffer {
  const sorted = Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const text = JSON.stringify(sorted).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return Buffer.from(text);
}

function invalid(problem: string): Error {
  return imageError('archive-invalid', { details: { problem } });
}
