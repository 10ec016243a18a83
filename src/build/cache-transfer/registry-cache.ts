/** Caches in registries: of their own (`type=registry`), and what images bring along (`type=inline`), here too. */
import { EngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { decodeImageConfig, MAXIMUM_CONFIG_BYTES } from '#oci/image-config.ts';
import { JsonShape } from '#oci/json-shape.ts';
import { decodeIndex, decodeManifest } from '#oci/manifest.ts';
import { isIndexType } from '#oci/media-types.ts';
import { parseReference, withDefaultTag } from '#oci/reference.ts';
import type { RemoteManifest, Repository } from '#registry/registry.ts';
import type { CacheRegistries } from '../dependencies.ts';
import type { CacheTransferWork } from './cache-transfer.ts';
import type { BuildRequest } from '../build.ts';
import { credentialsFor } from '../session/credentials.ts';
import { findImage } from '../bases/find-image.ts';
import {
  CACHE_CONFIG_TYPE,
  type CacheConfigRecord,
  decodeCacheConfig,
  decodeInlineRecords,
  INLINE_FIELD,
  MAXIMUM_CACHE_BYTES,
} from './cache-config.ts';
import type { ImportedRecord, ImportedSource } from './imported-cache.ts';
import { inlineRecords, inlineRecordsHere, recordsOf } from './parse-cache.ts';

export interface RegistryPlace {
  readonly reference: string;
  readonly insecure: boolean;
}

/** @throws {EngineError} what `registry.ts` says; `invalid` for what is not a cache */
export async function readRegistryCache(
  { registries }: CacheTransferWork,
  request: BuildRequest,
  { reference: text, insecure }: RegistryPlace,
): Promise<ImportedSource> {
  const reference = withDefaultTag(parseReference(text));
  const credentials = await credentialsFor(request, reference.domain);
  const open = (signal: AbortSignal) =>
    registries.openRepository(reference, { credentials, access: 'pull', insecure, signal });
  const repository = open(request.signal);
  const root = await repository.fetchManifest(reference.digest ?? reference.tag ?? '');
  return {
    name: text,
    records: await readRecords(registries, repository, root),
    fetch: ({ diffId, blob: digest, size, compression }, signal) =>
      registries.fetchLayer({ open, descriptor: { digest, size }, compression }, diffId, signal),
  };
}

/**
 * The cache that an image brings along. No registry is asked for an image that is here.
 *
 * @returns undefined if there is no such image
 */
export async function readImageCache(
  { registries, packing: { content, layers } }: CacheTransferWork,
  reference: string,
): Promise<ImportedSource | undefined> {
  const image = findImage(registries, reference);
  if (!image) return undefined;
  const records = inlineRecordsIn(await content.readAll(image.id, MAXIMUM_CONFIG_BYTES));
  return {
    name: reference,
    records: inlineRecordsHere(records, image.layers),
    fetch: ({ diffId, blob, compression }) => {
      if (layers.get(diffId)) return Promise.resolve({ diffId, blob, compression });
      throw new EngineError('not-found', `Cannot use cache of image ${reference}: the image is gone`);
    },
  };
}

async function readRecords(
  registries: CacheRegistries,
  repository: Repository,
  { mediaType, content }: RemoteManifest,
): Promise<readonly ImportedRecord[]> {
  if (!isIndexType(mediaType)) return await readManifest(registries, repository, content);
  const { manifests } = decodeIndex(content);
  const config = manifests.find((descriptor) => descriptor.mediaType === CACHE_CONFIG_TYPE);
  if (config) return await readConfig(registries, repository, config, manifests);
  const images = manifests.filter(({ platform }) => platform?.os !== 'unknown');
  const records = await Promise.all(
    images.map(async ({ digest }) =>
      readManifest(registries, repository, (await repository.fetchManifest(digest)).content),
    ),
  );
  return records.flat();
}

async function readManifest(
  registries: CacheRegistries,
  repository: Repository,
  content: Buffer,
): Promise<readonly ImportedRecord[]> {
  const { config, layers } = decodeManifest(content);
  if (config.mediaType === CACHE_CONFIG_TYPE) return await readConfig(registries, repository, config, layers);
  const bytes = await readBlob(registries, repository, config, MAXIMUM_CONFIG_BYTES);
  return inlineRecords(inlineRecordsIn(bytes), layers, decodeImageConfig(bytes).rootfs.diff_ids);
}

/** The records in an image's configuration; empty where it brings no cache along. */
function inlineRecordsIn(config: Buffer): readonly CacheConfigRecord[] {
  const shape = new JsonShape('image configuration');
  const records = shape.optionalString(shape.parse(config, MAXIMUM_CONFIG_BYTES), INLINE_FIELD);
  return records === undefined ? [] : decodeInlineRecords(records);
}

async function readConfig(
  registries: CacheRegistries,
  repository: Repository,
  config: Descriptor,
  blobs: readonly Descriptor[],
): Promise<readonly ImportedRecord[]> {
  const bytes = await readBlob(registries, repository, config, MAXIMUM_CACHE_BYTES);
  return recordsOf(decodeCacheConfig(bytes), new Map(blobs.map((blob) => [blob.digest, blob])));
}

async function readBlob(
  registries: CacheRegistries,
  repository: Repository,
  descriptor: Descriptor,
  maximumBytes: number,
): Promise<Buffer> {
  if (descriptor.size > maximumBytes)
    throw new EngineError(
      'invalid',
      `Cannot read cache: ${descriptor.digest} is larger than ${maximumBytes} bytes`,
    );
  return await registries.readRemoteBlob(repository, descriptor);
}
