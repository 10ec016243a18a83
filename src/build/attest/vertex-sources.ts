import type { FileSource, Vertex } from '../build.ts';

/** Where a vertex takes files from, mounts included. */
export function filesOfVertex(vertex: Vertex): readonly FileSource[] {
  if (vertex.kind === 'base') return [];
  if (vertex.kind === 'copy') return vertex.files.map(({ source }) => source);
  return (vertex.mounts ?? []).flatMap((mount) => {
    if (mount.kind === 'bind') return [mount.source];
    return mount.kind === 'cache' && mount.initial ? [mount.initial.source] : [];
  });
}

/** Ids of what commands ask the client for; never what it gives. */
export function clientIds(vertices: Iterable<Vertex>, kind: 'secret' | 'ssh'): readonly string[] {
  const ids = [...vertices].flatMap((vertex) =>
    vertex.kind === 'exec'
      ? (vertex.mounts ?? []).flatMap((mount) => (mount.kind === kind ? [mount.id] : []))
      : [],
  );
  return [...new Set(ids)].toSorted();
}
