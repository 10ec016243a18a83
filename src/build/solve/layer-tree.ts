import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '#base/ids.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { BuildParts } from '../build-parts.ts';
import type { Tree } from '../files/file-jobs.ts';

/** Layers as one tree, to be read until it is disposed. */
export interface LayerTree extends Disposable {
  readonly tree: Tree;
}

export function openLayerTree(parts: BuildParts, layers: readonly ImageLayer[]): LayerTree {
  using stack = new DisposableStack();
  for (const { diffId } of new Set(layers)) {
    parts.layers.enter(diffId);
    stack.defer(() => parts.layers.leave(diffId));
  }
  // A layer that is there twice counts where it is uppermost: overlay takes none twice.
  const diffIds = new Set(layers.toReversed().map(({ diffId }) => diffId));
  const paths = [...diffIds].map((diffId) => parts.layers.rootPath(diffId));
  const tree = paths.length === 0 ? emptyTree(parts) : { stack: paths, viewDirectory: parts.viewDirectory };
  const held = stack.move();
  return { tree, [Symbol.dispose]: () => held.dispose() };
}

function emptyTree({ workDirectory }: BuildParts): string {
  const path = join(workDirectory, '.empty');
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

/** Layers, and nothing else, to be written on; see `SnapshotStore`. The caller removes it. @returns its id */
export function createWritableTree(parts: BuildParts, layers: readonly ImageLayer[]): string {
  const id = newId();
  const diffIds = layers.map(({ diffId }) => diffId);
  parts.snapshots.create({ id, layers: diffIds, volatile: true, bottom: emptyTree(parts), isBare: true });
  return id;
}

/** Layers under a writable root, which is gone afterwards. `work` gets its id and where it is mounted. */
export async function withWritableRoot<T>(
  parts: BuildParts,
  layers: readonly ImageLayer[],
  work: (id: string, rootPath: string) => Promise<T>,
): Promise<T> {
  const { snapshots } = parts;
  const id = createWritableTree(parts, layers);
  try {
    return await work(id, snapshots.mount(id));
  } finally {
    await snapshots.remove(id);
  }
}
