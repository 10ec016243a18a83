import type { Vertex } from '../build.ts';

/** Ids of what commands ask the client for; never what it gives. */
export function clientIds(vertices: Iterable<Vertex>, kind: 'secret' | 'ssh'): readonly string[] {
  const ids = [...vertices].flatMap((vertex) =>
    vertex.kind === 'exec'
      ? (vertex.mounts ?? []).flatMap((mount) => (mount.kind === kind ? [mount.id] : []))
      : [],
  );
  return [...new Set(ids)].toSorted();
}
