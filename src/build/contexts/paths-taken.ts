import { posix } from 'node:path';
import type { LocalFiles } from '../definition/vertex.ts';
import type { Plan } from '../plan/plan.ts';
import { filesTakenBy, verticesBelow } from '../definition/vertex-inputs.ts';

/**
 * What plans take of files that are not made by them; nothing for those that they do not name at all. Paths as BuildKit
 * asks clients for them: relative, with their wildcards; none in the list where all files are needed.
 */
export function pathsTaken(
  plans: readonly { readonly result: Pick<Plan['result'], 'vertex'> }[],
): ReadonlyMap<LocalFiles, readonly string[]> {
  const taken = new Map<LocalFiles, Set<string>>();
  const results = plans.map(({ result }) => result.vertex);
  for (const vertex of verticesBelow(results))
    for (const { source, paths } of filesTakenBy(vertex)) {
      if (source.kind !== 'local') continue;
      const set = taken.get(source) ?? new Set();
      for (const path of paths) set.add(posix.join('/', path).slice(1).replace(/\/$/, ''));
      taken.set(source, set);
    }
  return new Map([...taken].map(([files, paths]) => [files, paths.has('') ? [] : [...paths]]));
}
