/** Takes what a build has solved to caches outside the engine. */
import { EngineError, isEngineError } from '#base/errors.ts';
import type { Artifact } from '#image/artifact.ts';
import { parseReference, withDefaultTag } from '#oci/reference.ts';
import type { Lease } from '#store/content.ts';
import type { CacheTransferWork } from './cache-transfer.ts';
import type { BuildRequest, CacheSource } from '../build.ts';
import { OutputAttributes } from '../export/attributes.ts';
import { compressionOf } from '../export/pack/compression.ts';
import { credentialsFor } from '../session/credentials.ts';
import type { RunTask } from '../export/one-export.ts';
import { treeOfFiles } from '../export/export-tree.ts';
import { blobFiles, jsonFile } from '../export/layout.ts';
import { descriptorOf } from '../export/pack/pack-image.ts';
import { cacheArtifact } from './cache-artifact.ts';
import { isCacheType, unknownCache } from './cache-types.ts';
import type { SolvedRecord } from './solved-records.ts';

/** What a build has solved: all of it, and what its results stand on. */
interface SolvedBuild {
  readonly all: readonly SolvedRecord[];
  readonly results: readonly SolvedRecord[];
}

export interface CacheExport {
  readonly work: CacheTransferWork;
  readonly request: BuildRequest;
  readonly solved: SolvedBuild;
  readonly lease: Lease;
}

/**
 * Checks what caches are exported to. An inline cache goes with the image.
 *
 * @throws {EngineError} `invalid` for attributes
 */
export function checkCaches({ cacheTo = [] }: BuildRequest): void {
  for (const cache of cacheTo) {
    if (!isCacheType(cache.type)) throw unknownCache('export', cache.type);
    const attributes = attributesOf(cache);
    attributes.choice('mode', ['min', 'max']);
    compressionOf(attributes);
    for (const flag of ['image-manifest', 'ignore-error', 'registry.insecure']) attributes.flag(flag);
    if (cache.type === 'registry') parseReference(required(cache, 'ref'));
    if (cache.type === 'local') required(cache, 'dest');
  }
}

/** @returns what clients are told: `cache.manifest` */
export async function exportCaches(
  place: CacheExport,
  during: RunTask,
): Promise<Readonly<Record<string, string>>> {
  const { cacheTo = [], outputs = [] } = place.request;
  let response: Readonly<Record<string, string>> = {};
  for (const [index, cache] of cacheTo.entries()) {
    if (cache.type === 'inline') continue;
    const number = outputs.length + index;
    response = { ...response, ...(await exportCache(place, cache, number, during)) };
  }
  return response;
}

async function exportCache(
  place: CacheExport,
  cache: CacheSource,
  number: number,
  during: RunTask,
): Promise<Readonly<Record<string, string>>> {
  try {
    return await during(
      `exporting cache to ${cache.type === 'local' ? 'client directory' : cache.type}`,
      () => writeCache(place, cache, number),
    );
  } catch (error) {
    const isIgnored = attributesOf(cache).flag('ignore-error') ?? false;
    if (!isIgnored || !isEngineError(error) || place.request.signal.aborted) throw error;
    place.work.logger.warn('Cannot export build cache', { error });
    return {};
  }
}

async function writeCache(
  place: CacheExport,
  cache: CacheSource,
  number: number,
): Promise<Readonly<Record<string, string>>> {
  const { work, solved, lease, request } = place;
  const attributes = attributesOf(cache);
  const records =
    (attributes.choice('mode', ['min', 'max']) ?? 'min') === 'max' ? solved.all : solved.results;
  const artifact = await cacheArtifact(work.packing, records, {
    isManifest: attributes.flag('image-manifest') ?? true,
    ...compressionOf(attributes),
    lease,
    signal: request.signal,
  });
  if (!artifact) return {};
  if (cache.type === 'local') await sendCache(place, artifact, number, attributes.text('tag') ?? 'latest');
  else await pushCache(place, artifact, cache);
  return { 'cache.manifest': JSON.stringify(descriptorOf(artifact.root)) };
}

async function pushCache(
  { work, request }: CacheExport,
  artifact: Artifact,
  cache: CacheSource,
): Promise<void> {
  const reference = withDefaultTag(parseReference(required(cache, 'ref')));
  await work.registries.pushArtifact(artifact, {
    reference,
    credentials: await credentialsFor(request, reference.domain),
    insecure: attributesOf(cache).flag('registry.insecure') ?? false,
    signal: request.signal,
  });
}

/** The client keeps the files that are there already. */
async function sendCache(
  { work, request: { session, signal } }: CacheExport,
  artifact: Artifact,
  number: number,
  tag: string,
): Promise<void> {
  if (!session)
    throw new EngineError('invalid', 'Cannot export cache: the client has no session to receive it through');
  const root = {
    ...descriptorOf(artifact.root),
    annotations: { 'org.opencontainers.image.ref.name': tag },
  };
  const files = [
    ...blobFiles(artifact, work.packing.content),
    jsonFile('index.json', { schemaVersion: 2, manifests: [root] }),
    jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' }),
  ];
  await session.sendTree(number, treeOfFiles(files, 0n), signal);
}

function attributesOf({ type, attributes }: CacheSource): OutputAttributes {
  return new OutputAttributes({ type: `${type} cache`, attributes });
}

function required({ type, attributes }: CacheSource, name: string): string {
  const value = attributes[name];
  if (value !== undefined && value !== '') return value;
  throw new EngineError('invalid', `Cannot export cache of type ${type}: ${name} is missing`);
}
