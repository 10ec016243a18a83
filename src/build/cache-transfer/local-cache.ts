/** Caches that the client keeps as an OCI layout (`type=local`). */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { type Digest, digestHex, isDigest } from '#oci/digest.ts';
import { decodeIndex, decodeManifest, MAXIMUM_MANIFEST_BYTES } from '#oci/manifest.ts';
import { isIndexType } from '#oci/media-types.ts';
import type { ContentStore, Lease } from '#store/content.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { BuildSession } from '../session/build-session.ts';
import { CACHE_CONFIG_TYPE, decodeCacheConfig, MAXIMUM_CACHE_BYTES } from './cache-config.ts';
import type { ImportedLayer, ImportedSource } from './imported-cache.ts';
import { recordsOf } from './parse-cache.ts';

/** Where layers that come from outside go. */
export interface LayerIntake {
  readonly content: ContentStore;
  readonly layers: Pick<LayerStore, 'unpack'>;
}

export interface LocalCachePlace {
  /** What the client knows it by. */
  readonly source: string;
  /** Which of the caches there, where it holds several. */
  readonly digest?: string;
  readonly tag?: string;
}

/** How a session is asked for the directory of a cache. */
export function cacheDirectoryName(source: string): string {
  return `cache:${source}`;
}

/** @throws {EngineError} `not-found` and `invalid` for what is not a cache; what the client says */
export async function readLocalCache(
  intake: LayerIntake,
  session: BuildSession,
  place: LocalCachePlace,
  signal: AbortSignal,
): Promise<ImportedSource> {
  const files = new ClientFiles(session, cacheDirectoryName(place.source));
  const index = decodeIndex(await files.read('index.json', MAXIMUM_MANIFEST_BYTES, signal));
  const root = chooseRoot(index.manifests, place);
  const content = await files.blob(root.digest, MAXIMUM_MANIFEST_BYTES, signal);
  const blobs = isIndexType(root.mediaType) ? decodeIndex(content).manifests : manifestBlobs(content);
  const config = blobs.find(({ mediaType }) => mediaType === CACHE_CONFIG_TYPE);
  if (!config) throw refusal(place.source, 'it is no cache');
  const bytes = await files.blob(config.digest, MAXIMUM_CACHE_BYTES, signal);
  return {
    name: place.source,
    records: recordsOf(decodeCacheConfig(bytes), new Map(blobs.map((blob) => [blob.digest, blob]))),
    fetch: async (layer, fetchSignal, lease) =>
      await fetchLayer(intake, files, layer, { signal: fetchSignal, lease }),
  };
}

function manifestBlobs(content: Buffer): readonly Descriptor[] {
  const { config, layers } = decodeManifest(content);
  return [config, ...layers];
}

function chooseRoot(manifests: readonly Descriptor[], { source, digest, tag }: LocalCachePlace): Descriptor {
  if (digest !== undefined && isDigest(digest)) {
    const named = manifests.find((descriptor) => descriptor.digest === digest);
    return named ?? { mediaType: '', digest, size: 0 };
  }
  const wanted = tag ?? 'latest';
  const tagged = manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === wanted,
  );
  const root = tagged ?? (tag === undefined ? manifests.at(-1) : undefined);
  if (root) return root;
  throw refusal(source, `it has none of tag ${wanted}`);
}

function refusal(source: string, state: string): EngineError {
  return new EngineError('not-found', `Cannot import cache from ${source}: ${state}`);
}

let fetches = 0;

/** Into the store, where it is not there. */
export async function fetchLayer(
  { content, layers }: LayerIntake,
  files: ClientFiles,
  { blob, diffId, size, compression }: ImportedLayer,
  { signal, lease }: { readonly signal: AbortSignal; readonly lease: Lease },
): Promise<ImageLayer> {
  if (!(await content.stat(blob))) {
    const options = { lease, signal, maximumBytes: size };
    await using writer = await content.openWriter(`cache-${++fetches}`, options);
    for await (const chunk of files.open(blobPath(blob), signal)) await writer.write(chunk);
    await writer.commit({ sizeBytes: size, digest: blob });
  }
  await layers.unpack({ blob, compression, diffId, signal });
  return { diffId, blob, compression };
}

function blobPath(digest: Digest): string {
  return posix.join('blobs/sha256', digestHex(digest));
}

/** Files of one directory of the client's, each asked for on its own. */
export class ClientFiles {
  readonly #session: BuildSession;
  readonly #directory: string;

  constructor(session: BuildSession, directory: string) {
    this.#session = session;
    this.#directory = directory;
  }

  /** @throws {EngineError} `not-found` */
  async *open(path: string, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    const query = {
      directory: this.#directory,
      followPaths: [path],
      includePatterns: [],
      excludePatterns: [],
    };
    await using transfer = this.#session.openFiles(query, signal);
    let position: number | undefined;
    let count = 0;
    for await (const entry of transfer.entries()) {
      if (entry.path === path) position = count;
      count++;
    }
    if (position === undefined)
      throw new EngineError('not-found', `Cannot read ${path} of ${this.#directory}: there is no such file`);
    yield* transfer.contents(position);
    await transfer.finish();
  }

  async read(path: string, maximumBytes: number, signal: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.open(path, signal)) {
      bytes += chunk.length;
      if (bytes > maximumBytes)
        throw new EngineError('invalid', `Cannot read ${path}: it is larger than ${maximumBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** @throws {EngineError} `invalid` for other bytes than the digest says */
  async blob(digest: Digest, maximumBytes: number, signal: AbortSignal): Promise<Buffer> {
    const bytes = await this.read(blobPath(digest), maximumBytes, signal);
    if (createHash('sha256').update(bytes).digest('hex') === digestHex(digest)) return bytes;
    throw new EngineError('invalid', `Cannot read blob ${digest}: its content is another`);
  }
}
