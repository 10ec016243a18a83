import type { RemoteFiles, Vertex } from '../definition/vertex.ts';
import { filesTakenBy, verticesBelow } from '../definition/vertex-inputs.ts';

/** Something of the client's that commands ask for, never what it gives. */
export interface ClientRequest {
  readonly id: string;
  /** Every command that asks for it can do without. */
  readonly optional: boolean;
}

/** Sorted, each once. */
export function clientRequests(results: Iterable<Vertex>, kind: 'secret' | 'ssh'): readonly ClientRequest[] {
  const requests = new Map<string, boolean>();
  for (const vertex of verticesBelow(results))
    for (const mount of vertex.kind === 'exec' ? (vertex.mounts ?? []) : [])
      if (mount.kind === kind) requests.set(mount.id, !mount.required && (requests.get(mount.id) ?? true));
  const ids = [...requests].map(([id, optional]) => ({ id, optional }));
  return ids.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

export function* remoteSources(results: Iterable<Vertex>): Generator<RemoteFiles, void> {
  for (const vertex of verticesBelow(results))
    for (const { source } of filesTakenBy(vertex))
      if (source.kind === 'http' || source.kind === 'git') yield source;
}
