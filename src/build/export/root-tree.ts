/** The root file system of an image as a tree to be sent. */
import { type BigIntStats, createReadStream, lstatSync, mkdtempSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { bytesOfText, textOfBytes } from '#base/byte-text.ts';
import type { ImageLayer } from '#image/image-record.ts';
import { OVERLAY_OPTIONS, VIEW_PREFIX } from '#layer/read-only-view.ts';
import { childPath, isWhiteout, sortedNames } from '#layer/tree-walk.ts';
import { unmountAll } from '#linux/mount.ts';
import { mountOverlay } from '#linux/overlay-mount.ts';
import type { FileEntry, FileTree } from '../session/build-session.ts';
import { entryOf } from '../files/entry-of.ts';
import type { LayerTrees } from '../solve/layer-trees.ts';

/** Disposing it takes the files away. */
export interface RootTree extends FileTree, Disposable {
  /** Where one of its entries is on this machine. */
  placeOf(entry: Pick<FileEntry, 'path'>): Buffer;
}

/** @param epoch the time that everything gets, in seconds; absent: its own */
export function openRootTree(
  trees: Pick<LayerTrees, 'open'>,
  layers: readonly ImageLayer[],
  epoch: number | undefined,
): RootTree {
  using stack = new DisposableStack();
  const { tree } = stack.use(trees.open(layers));
  const root = typeof tree === 'string' ? tree : openView(tree.stack, tree.viewDirectory, stack);
  const walk = new RootWalk(root, epoch);
  const held = stack.move();
  return {
    entries: () => walk.entries(),
    contents: (entry) => walk.contents(entry),
    placeOf: (entry) => walk.placeOf(entry),
    [Symbol.dispose]: () => held.dispose(),
  };
}

/** Layers as one directory. What a crash leaves mounted is found by its place at the next start. */
function openView(layers: readonly string[], viewDirectory: string, stack: DisposableStack): string {
  const [only] = layers;
  if (layers.length === 1 && only !== undefined) return only;
  const target = mkdtempSync(join(viewDirectory, VIEW_PREFIX));
  stack.defer(() => rmdirSync(target));
  mountOverlay({ target, lowers: layers, options: OVERLAY_OPTIONS });
  stack.defer(() => unmountAll(target));
  return target;
}

const SECOND_NS = 1_000_000_000n;

class RootWalk {
  readonly #root: string;
  readonly #modifiedNs: bigint | undefined;
  /** Names are bytes; an entry's path is their text. */
  readonly #places = new WeakMap<object, Buffer>();
  readonly #firstNames = new Map<bigint, string>();

  constructor(root: string, epoch: number | undefined) {
    this.#root = root;
    this.#modifiedNs = epoch === undefined ? undefined : BigInt(epoch) * SECOND_NS;
  }

  async *entries(): AsyncGenerator<FileEntry, void> {
    this.#firstNames.clear();
    yield* this.#below(Buffer.from(this.#root), '');
  }

  contents(entry: FileEntry): Readable {
    const contents = createReadStream(this.placeOf(entry), { highWaterMark: 1 << 18 });
    // The reader gets the error; a reader that left before the file was opened needs none.
    contents.on('error', () => undefined);
    return contents;
  }

  placeOf(entry: Pick<FileEntry, 'path'>): Buffer {
    return this.#places.get(entry) ?? bytesOfText(join(this.#root, entry.path));
  }

  *#below(directory: Buffer, prefix: string): Generator<FileEntry, void> {
    for (const name of sortedNames(directory)) {
      const place = childPath(directory, name);
      const stats = lstatSync(place, { bigint: true });
      // A single layer is shown as it is.
      if (isWhiteout(stats)) continue;
      const path = `${prefix}${textOfBytes(Buffer.from(name, 'latin1'))}`;
      const entry = this.#entry(path, place, stats);
      this.#places.set(entry, place);
      yield entry;
      if (stats.isDirectory()) yield* this.#below(place, `${path}/`);
    }
  }

  #entry(path: string, place: Buffer, stats: BigIntStats): FileEntry {
    const entry = entryOf(path, place, stats);
    const linkName = entry.linkName || this.#hardLink(path, stats);
    return { ...entry, linkName, modifiedNs: this.#modifiedNs ?? entry.modifiedNs };
  }

  /** The name under which the file came first. */
  #hardLink(path: string, stats: BigIntStats): string {
    if (!stats.isFile() || stats.nlink < 2n) return '';
    const first = this.#firstNames.get(stats.ino);
    if (first === undefined) this.#firstNames.set(stats.ino, path);
    return first ?? '';
  }
}
