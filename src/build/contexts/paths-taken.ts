import { posix } from 'node:path';
import type { FileSource, LocalFiles, Vertex } from '../build.ts';
import type { Plan } from '../plan.ts';

/**
 * What plans take of files that are not made by them; nothing for those that they do not name at all. Paths as BuildKit
 * asks clients for them: relative, with their wildcards; none in the list where all files are needed.
 */
export function pathsTaken(
  plans: readonly Pick<Plan, 'result'>[],
): ReadonlyMap<LocalFiles, readonly string[]> {
  const taken = new Map<LocalFiles, Set<string>>();
  const visited = new Set<Vertex>();
  const todo: Vertex[] = plans.map(({ result }) => result.vertex);
  const take = (source: FileSource, paths: readonly string[]) => {
    if (source.kind === 'base' || source.kind === 'exec' || source.kind === 'copy') todo.push(source);
    if (source.kind !== 'local') return;
    const set = taken.get(source) ?? new Set();
    for (const path of paths) set.add(posix.join('/', path).slice(1).replace(/\/$/, ''));
    taken.set(source, set);
  };
  for (let vertex = todo.pop(); vertex; vertex = todo.pop()) {
    if (visited.has(vertex)) continue;
    visited.add(vertex);
    if (vertex.kind === 'base') continue;
    todo.push(vertex.parent);
    if (vertex.kind === 'copy') for (const { source, paths } of vertex.files) take(source, paths);
    else
      for (const mount of vertex.mounts ?? []) {
        if (mount.kind === 'bind') take(mount.source, [mount.path]);
        if (mount.kind === 'cache' && mount.initial) take(mount.initial.source, [mount.initial.path]);
      }
  }
  return new Map([...taken].map(([files, paths]) => [files, paths.has('') ? [] : [...paths]]));
}
