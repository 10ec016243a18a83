import { EngineError } from '#base/errors.ts';
import type { CacheTransferWork } from './cache-transfer.ts';
import type { BuildRequest, CacheSource } from '../build.ts';
import { parseBoolean } from '#base/booleans.ts';
import { archiveOfEstargz } from '../export/estargz/estargz-layer.ts';
import type { RunTask } from '../export/one-export.ts';
import { isCacheType, unknownCache } from './cache-types.ts';
import { ImportedCache, type ImportedSource } from './imported-cache.ts';
import { readLocalCache } from './local-cache.ts';
import { readImageCache, readRegistryCache } from './registry-cache.ts';

/**
 * The caches that a build may look into. One that cannot be had is told as a failed task, and does not fail the build.
 *
 * @returns undefined where there is none
 */
export async function importCaches(
  work: CacheTransferWork,
  request: BuildRequest,
  during: RunTask,
): Promise<ImportedCache | undefined> {
  const { cacheFrom = [], noCache, signal } = request;
  if (noCache || cacheFrom.length === 0) return undefined;
  const { logger, packing } = work;
  const warn = (source: string, error: unknown) => logger.warn('Cannot use build cache', { source, error });
  const unique = new Map(cacheFrom.map((cache) => [identityOf(cache), cache]));
  const sources = await Promise.all(
    [...unique.values()].map(async (cache) => {
      const name = cache.attributes['ref'] ?? cache.attributes['src'] ?? cache.type;
      try {
        return await during(`importing cache manifest from ${name}`, () => readCache(work, request, cache));
      } catch (error) {
        signal.throwIfAborted();
        warn(name, error);
        return undefined;
      }
    }),
  );
  return new ImportedCache(
    sources.filter((source) => source !== undefined),
    {
      unwrap: (layer, archive, lease, signal) => archiveOfEstargz(packing, layer, archive, { lease, signal }),
      onFailure: warn,
    },
  );
}

/** Clients of BuildKit name each twice. */
function identityOf({ type, attributes }: CacheSource): string {
  return JSON.stringify([
    type,
    Object.entries(attributes)
      .map((pair) => pair.join('='))
      .toSorted(),
  ]);
}

async function readCache(
  work: CacheTransferWork,
  request: BuildRequest,
  { type, attributes }: CacheSource,
): Promise<ImportedSource> {
  if (!isCacheType(type)) throw unknownCache('import', type);
  if (type === 'local') return await readLocal(work, request, attributes);
  const { ref, 'registry.insecure': insecure } = attributes;
  if (ref === undefined || ref === '') throw refusal(type, 'ref is missing');
  const place = { reference: ref, insecure: parseBoolean(insecure) };
  return (await readImageCache(work, ref)) ?? (await readRegistryCache(work, request, place));
}

async function readLocal(
  work: CacheTransferWork,
  { session, signal }: BuildRequest,
  { src, digest, tag }: CacheSource['attributes'],
): Promise<ImportedSource> {
  if (src === undefined || src === '') throw refusal('local', 'src is missing');
  if (!session) throw refusal('local', 'the client has no session to send it through');
  const place = {
    source: src,
    ...(digest !== undefined && { digest }),
    ...(tag !== undefined && { tag }),
  };
  return await readLocalCache(work.packing, session, place, signal);
}

function refusal(type: string, state: string): EngineError {
  return new EngineError('invalid', `Cannot import cache of type ${type}: ${state}`);
}
