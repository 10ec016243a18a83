import type { ImageLayer } from '#image/image-record.ts';
import type { DiffVertex } from '../definition/vertex.ts';
import type { FileWork } from './file-work.ts';
import type { VertexWork } from './vertex-work.ts';
import type { Sources } from './file-sources.ts';

/** The files of both are compared; undefined if they are the same. */
export async function solveDiff(
  { trees, files, images }: FileWork,
  { lower, upper }: DiffVertex,
  sources: Sources,
  { lease, signal }: VertexWork,
): Promise<ImageLayer | undefined> {
  using lowerTree = trees.open(await sources.layersOf(lower));
  using upperTree = trees.open(await sources.layersOf(upper));
  const changes = files.diff({ lower: lowerTree.tree, upper: upperTree.tree });
  return await images.addLayer(changes, { lease, signal });
}
