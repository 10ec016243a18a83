import { createHash } from 'node:crypto';
import type { ImageLayer } from '#image/image-record.ts';
import type { CopyVertex, ExecVertex, UnpackVertex } from './build.ts';

/**
 * What the cache knows a vertex by: the layers it stands on, what it does, and the checksum of the files it takes.
 * Equal keys give equal results, as far as commands do.
 */
export function vertexKey(
  vertex: ExecVertex | CopyVertex | UnpackVertex,
  below: readonly ImageLayer[],
  checksum: string,
): string {
  const parts = [below.map(({ diffId }) => diffId), vertex.kind, checksum, ownParts(vertex)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function ownParts(vertex: ExecVertex | CopyVertex | UnpackVertex): readonly unknown[] {
  if (vertex.kind === 'exec') {
    const { argv, env, workingDirectory, user, hostConfig } = vertex;
    return [argv, env, workingDirectory, user, hostConfig.NetworkMode, hostConfig.ExtraHosts];
  }
  const { destination, owner } = vertex;
  if (vertex.kind === 'unpack') return [destination, owner];
  return [vertex.files?.paths.length, destination, owner, vertex.mode];
}
