/** What vertices are made of. */
import { unreachable } from '#base/unreachable.ts';
import type { CopiedFiles, Vertex } from './vertex.ts';
import type { ExecMount, StateMount } from './exec-mount.ts';
import type { FileAction } from './file-action.ts';
import { escapeWildcards } from '#oci/glob.ts';

/** The file systems that it stands on or is put together from. */
export function inputsOf(vertex: Vertex): readonly Vertex[] {
  switch (vertex.kind) {
    case 'base':
      return [];
    case 'merge':
      return [vertex.parent, ...vertex.above];
    case 'diff':
      return [vertex.lower, vertex.upper];
    case 'output':
      return [vertex.parent, vertex.of];
    case 'exec':
      return [vertex.parent, ...stateMounts(vertex.mounts).map(({ source }) => source)];
    case 'files':
      return [vertex.parent, ...ownersIn(vertex.actions)];
    case 'copy':
      return [vertex.parent];
    default:
      return unreachable(vertex);
  }
}

/** The vertices and all that they are made of, vertices whose files they take included; each once. */
export function* verticesBelow(results: Iterable<Vertex>): Generator<Vertex, void> {
  const seen = new Set(results);
  for (const vertex of seen) {
    yield vertex;
    for (const input of inputsOf(vertex)) seen.add(input);
    for (const { source } of filesTakenBy(vertex))
      if (source.kind !== 'local' && source.kind !== 'http' && source.kind !== 'git') seen.add(source);
  }
}

/** The files that it takes besides. */
export function filesTakenBy(vertex: Vertex): readonly CopiedFiles[] {
  if (vertex.kind === 'copy') return vertex.files;
  if (vertex.kind === 'exec') return (vertex.mounts ?? []).flatMap(mountedFiles);
  if (vertex.kind !== 'files') return [];
  return vertex.actions.flatMap((action) => (action.kind === 'copy' ? [action.files] : []));
}

export function stateMounts(mounts: readonly ExecMount[] = []): readonly StateMount[] {
  return mounts.flatMap((mount) => (mount.kind === 'state' ? [mount] : []));
}

/** Contents that make a difference to what a command does. */
function mountedFiles(mount: ExecMount): readonly CopiedFiles[] {
  const from = mount.kind === 'cache' ? mount.initial : mount.kind === 'bind' ? mount : undefined;
  return from ? [{ source: from.source, paths: [escapeWildcards(from.path)] }] : [];
}

/** Where names of owners are looked up. */
function ownersIn(actions: readonly FileAction[]): readonly Vertex[] {
  return actions.flatMap((action) =>
    action.kind !== 'remove' && action.owner?.in !== undefined ? [action.owner.in] : [],
  );
}
