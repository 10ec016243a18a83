/** What each layer of an image adds, changes and removes, and how much of it is for nothing. */
import type { Digest } from '#oci/digest.ts';
import { TarParser } from '#oci/tar-reader.ts';
import { ExploreTree } from './explore-tree.ts';
import type { ExploredFile, ExploredLayer, ImageExploration } from './image-exploration.ts';

/** More than anyone will read. */
const MAXIMUM_WASTED = 1000;

export interface LayerToExplore {
  readonly diffId: Digest;
  readonly command: string;
  /** Uncompressed; read once, and not kept. */
  readonly tar: AsyncIterable<Buffer>;
}

/**
 * Reads the layers' headers, bottom first. Memory is bounded by the number of files, whatever their size.
 *
 * @throws {EngineError} `invalid` for malformed tars, `exhausted` for too many files
 */
export async function exploreLayers(
  id: Digest,
  layers: readonly LayerToExplore[],
  options: { readonly withFiles: boolean },
): Promise<ImageExploration> {
  const tree = new ExploreTree();
  for (const { tar } of layers) {
    tree.beginLayer();
    await addLayer(tree, tar);
  }
  const { tallies } = tree;
  const explored = layers.map(({ diffId, command }, index): ExploredLayer => {
    const { sizeBytes = 0, wastedBytes = 0, files = new Map<string, ExploredFile>() } = tallies[index] ?? {};
    const list = [...files.values()].toSorted(byPath);
    const count = (wanted: ExploredFile['kind']) => list.filter(({ kind }) => kind === wanted).length;
    return {
      diffId,
      command,
      sizeBytes,
      wastedBytes,
      added: count('added'),
      changed: count('changed'),
      removed: count('removed'),
      ...(options.withFiles ? { files: list } : {}),
    };
  });
  const bytes = explored.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const wastedBytes = explored.reduce((sum, layer) => sum + layer.wastedBytes, 0);
  return {
    id,
    sizeBytes: bytes,
    wastedBytes,
    efficiency: bytes === 0 ? 1 : (bytes - wastedBytes) / bytes,
    layers: explored,
    wasted: tree.wastedPaths(MAXIMUM_WASTED),
  };
}

async function addLayer(tree: ExploreTree, tar: AsyncIterable<Buffer>): Promise<void> {
  const parser = new TarParser();
  for await (const chunk of tar) {
    parser.push(chunk);
    for (let event = parser.next(); event; event = parser.next())
      if (event.kind === 'entry') tree.add(event.entry);
  }
  parser.finish();
}

function byPath(a: ExploredFile, b: ExploredFile): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
