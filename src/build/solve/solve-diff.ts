import type { ImageLayer } from '#image/image-record.ts';
import type { BuildParts } from '../build-parts.ts';
import type { DiffVertex } from '../definition/vertex.ts';
import { openLayerTree } from './layer-tree.ts';
import type { VertexWork } from './solve-vertex.ts';
import type { Sources } from './file-sources.ts';

/** The files of both are compared; undefined if they are the same. */
export async function solveDiff(
  parts: BuildParts,
  { lower, upper }: DiffVertex,
  sources: Sources,
  { lease, signal }: VertexWork,
): Promise<ImageLayer | undefined> {
  using lowerTree = openLayerTree(parts, await sources.layersOf(lower));
  using upperTree = openLayerTree(parts, await sources.layersOf(upper));
  const changes = parts.files.diff({ lower: lowerTree.tree, upper: upperTree.tree });
  return await parts.images.addLayer(changes, { lease, signal });
}
