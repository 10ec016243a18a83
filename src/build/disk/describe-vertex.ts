import type { CacheEntryFacts } from '../cache.ts';
import type { Operation } from '../plan.ts';

/** What a cache entry says of itself. @param parents keys of what the vertex stands on */
export function cacheFacts(vertex: Operation, parents: readonly string[]): CacheEntryFacts {
  const description =
    vertex.kind === 'exec'
      ? `mount / from exec ${vertex.argv.join(' ')}`
      : `${vertex.kind} files to ${vertex.destination}`;
  return { type: 'regular', description, parents };
}
