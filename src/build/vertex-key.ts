import { createHash } from 'node:crypto';
import type { ImageLayer } from '#image/image-record.ts';
import type { CopyVertex, ExecVertex } from './build.ts';
import type { ExecMount } from './exec-mount.ts';
import { ownerNumbers } from './solve-copy.ts';

/**
 * What the cache knows a vertex by: the layers it stands on, what it does, and the checksum of the files it takes.
 * Equal keys give equal results, as far as commands do.
 */
export function vertexKey(
  vertex: ExecVertex | CopyVertex,
  below: readonly ImageLayer[],
  checksum: string,
): string {
  const layers = standsAlone(vertex) ? 'any' : below.map(({ diffId }) => diffId);
  const parts = [layers, vertex.kind, checksum, ownParts(vertex)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Names of owners mean what they mean in the parent. */
function standsAlone(vertex: ExecVertex | CopyVertex): boolean {
  if (vertex.kind === 'exec' || !vertex.isLinked) return false;
  return vertex.owner === undefined || ownerNumbers(vertex.owner) !== undefined;
}

function ownParts(vertex: ExecVertex | CopyVertex): readonly unknown[] {
  if (vertex.kind === 'exec') {
    const { argv, env, workingDirectory, user, hostConfig, mounts = [], platform } = vertex;
    const { NetworkMode, ExtraHosts, Privileged } = hostConfig;
    const run = [argv, env, workingDirectory, user, NetworkMode, ExtraHosts];
    const more = { mounts: mounts.map(mountParts), platform, ...(Privileged && { Privileged }) };
    return [...run, more];
  }
  const { destination, owner, mode, files, isLinked } = vertex;
  const taken = files.map(({ paths, withParents, unpack }) => [paths.length, withParents, unpack]);
  return [taken, destination, owner, mode, isLinked];
}

/** Neither what caches hold nor what secrets are; contents of sources are in the checksum. */
function mountParts(mount: ExecMount): unknown {
  if (mount.kind === 'bind') return { ...mount, source: undefined };
  if (mount.kind === 'cache') return { ...mount, initial: mount.initial?.path };
  return mount;
}
