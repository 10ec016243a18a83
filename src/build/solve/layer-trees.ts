import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '#base/ids.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { LayerUse } from '#layer/layer-store.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { Tree } from '../files/file-jobs.ts';

/** Layers as one tree, to be read until it is disposed. */
export interface LayerTree extends Disposable {
  readonly tree: Tree;
}

/** A file system of its own. */
export interface WritableRoot extends AsyncDisposable {
  readonly id: string;
  readonly path: string;
}

export interface LayerTreesOptions {
  readonly layers: Pick<LayerUse, 'enter' | 'leave' | 'rootPath'>;
  readonly snapshots: Pick<SnapshotStore, 'create' | 'mount' | 'remove'>;
  /** Where layers are shown as one tree. */
  readonly viewDirectory: string;
  /** Where the empty tree is. */
  readonly workDirectory: string;
}

/** Layers as file systems. */
export class LayerTrees {
  readonly #options: LayerTreesOptions;

  constructor(options: LayerTreesOptions) {
    this.#options = options;
  }

  /** @param layers bottom first; a layer that is there twice counts where it is uppermost */
  open(layers: readonly ImageLayer[]): LayerTree {
    const { layers: store, viewDirectory } = this.#options;
    using stack = new DisposableStack();
    for (const { diffId } of new Set(layers)) {
      store.enter(diffId);
      stack.defer(() => store.leave(diffId));
    }
    // Overlay takes no layer twice.
    const diffIds = new Set(layers.toReversed().map(({ diffId }) => diffId));
    const paths = [...diffIds].map((diffId) => store.rootPath(diffId));
    const tree = paths.length === 0 ? this.#emptyTree() : { stack: paths, viewDirectory };
    const held = stack.move();
    return { tree, [Symbol.dispose]: () => held.dispose() };
  }

  /** Layers, and nothing else, to be written on; see `SnapshotStore`. The caller removes it. @returns its id */
  createWritable(layers: readonly ImageLayer[]): string {
    const id = newId();
    const diffIds = layers.map(({ diffId }) => diffId);
    const bottom = this.#emptyTree();
    this.#options.snapshots.create({ id, layers: diffIds, volatile: true, bottom, isBare: true });
    return id;
  }

  /** Layers under a writable root, which is gone once the result is disposed. */
  mountWritable(layers: readonly ImageLayer[]): WritableRoot {
    const { snapshots } = this.#options;
    const id = this.createWritable(layers);
    return { id, path: snapshots.mount(id), [Symbol.asyncDispose]: () => snapshots.remove(id) };
  }

  /** The same for some work, which gets its id and where it is mounted. */
  async withWritableRoot<T>(
    layers: readonly ImageLayer[],
    work: (id: string, rootPath: string) => Promise<T>,
  ): Promise<T> {
    await using root = this.mountWritable(layers);
    return await work(root.id, root.path);
  }

  #emptyTree(): string {
    const path = join(this.#options.workDirectory, '.empty');
    mkdirSync(path, { recursive: true, mode: 0o755 });
    return path;
  }
}
