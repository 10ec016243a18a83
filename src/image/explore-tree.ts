/**
 * The file system of an image as its layers are put one upon the other, without contents: which layer brought what,
 * and whose bytes are hidden by layers above. Whiteouts as in the OCI image spec (layer.md).
 */
import type { TarEntry, TarEntryType } from '#oci/tar-header.ts';
import { imageError } from './image-errors.ts';
import type { ExploredFile, ExploredKind, WastedPath } from './image-exploration.ts';

/** What is kept in memory is proportional to this, not to the image's bytes. */
const MAXIMUM_NODES = 2_000_000;
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** The bytes of a file, which several hard links may share. */
interface Content {
  readonly path: string;
  readonly layer: number;
  readonly sizeBytes: number;
  links: number;
}

interface Node {
  /** The layer that brought it last; -1 for a directory that no layer has an entry for. */
  layer: number;
  type: TarEntryType;
  /** Owner and mode: what can change of a directory. */
  attributes: string;
  content: Content | undefined;
  children: Map<string, Node> | undefined;
}

interface LayerTally {
  sizeBytes: number;
  wastedBytes: number;
  readonly files: Map<string, ExploredFile>;
}

export class ExploreTree {
  readonly #root = directory(-1);
  readonly #layers: LayerTally[] = [];
  readonly #wasted = new Map<string, { size: number; count: number }>();
  #nodes = 0;

  /** What follows is the next layer's. */
  beginLayer(): void {
    this.#layers.push({ sizeBytes: 0, wastedBytes: 0, files: new Map() });
  }

  /** @throws {EngineError} `exhausted` beyond two million paths */
  add(entry: TarEntry): void {
    const names = namesOf(entry.path);
    const name = names.at(-1);
    if (name === undefined) return;
    if (name === OPAQUE) return this.#removeChildren(names.slice(0, -1));
    if (name.startsWith(WHITEOUT)) return this.#remove([...names.slice(0, -1), name.slice(WHITEOUT.length)]);
    this.#put(names, entry);
  }

  /** One for each layer, bottom first. */
  get tallies(): readonly Readonly<LayerTally>[] {
    return this.#layers;
  }

  /** Largest first. */
  wastedPaths(limit: number): readonly WastedPath[] {
    return [...this.#wasted]
      .map(([path, { size, count }]) => ({ path, sizeBytes: size, count }))
      .toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.path < b.path ? -1 : 1))
      .slice(0, limit);
  }

  get #current(): number {
    return this.#layers.length - 1;
  }

  #put(names: readonly string[], entry: TarEntry): void {
    const parent = this.#parentOf(names);
    const name = names.at(-1) ?? '';
    const before = parent.get(name);
    const path = pathOf(names);
    const node = this.#nodeOf(path, entry, before);
    parent.set(name, node);
    if (!before) this.#count();
    if (before) this.#replace(path, before, node);
    if (!isSameDirectory(before, node))
      this.#note(path, before ? 'changed' : 'added', node.type, node.content?.sizeBytes ?? 0);
  }

  #nodeOf(path: string, entry: TarEntry, before: Node | undefined): Node {
    const { type, mode, uid, gid } = entry;
    const isDirectory = type === 'directory';
    return {
      layer: this.#current,
      type,
      attributes: isDirectory ? `${mode} ${uid}:${gid}` : '',
      content: this.#contentOf(path, entry),
      children: isDirectory ? (before?.children ?? new Map()) : undefined,
    };
  }

  #contentOf(path: string, entry: TarEntry): Content | undefined {
    if (entry.type === 'hardlink') {
      const content = this.#find(namesOf(entry.linkName))?.content;
      if (content) content.links++;
      return content;
    }
    if (entry.type !== 'file') return undefined;
    const tally = this.#layers[this.#current];
    if (tally) tally.sizeBytes += entry.sizeBytes;
    return { path, layer: this.#current, sizeBytes: entry.sizeBytes, links: 1 };
  }

  /** `node` stands where `before` stood; what was in a directory that is none any more goes with it. */
  #replace(path: string, before: Node, node: Node): void {
    this.#release(before);
    if (node.children || !before.children) return;
    for (const [name, child] of before.children) this.#drop(`${path}/${name}`, child);
  }

  #remove(names: readonly string[]): void {
    const parent = this.#find(names.slice(0, -1))?.children;
    const name = names.at(-1) ?? '';
    const node = parent?.get(name);
    // What this layer brought itself has replaced what was below already.
    if (!parent || !node || node.layer === this.#current) return;
    parent.delete(name);
    const path = pathOf(names);
    this.#note(path, 'removed', node.type, this.#drop(path, node));
  }

  /** An opaque directory hides what the layers below have in it. */
  #removeChildren(names: readonly string[]): void {
    for (const name of this.#find(names)?.children?.keys() ?? []) this.#remove([...names, name]);
  }

  /** Lets a tree go. @returns its bytes */
  #drop(path: string, node: Node): number {
    this.#nodes--;
    this.#release(node);
    let total = node.content?.sizeBytes ?? 0;
    for (const [name, child] of node.children ?? []) total += this.#drop(`${path}/${name}`, child);
    return total;
  }

  /** Bytes are wasted when the last link to them is gone. */
  #release({ content }: Node): void {
    if (!content || --content.links > 0) return;
    const tally = this.#layers[content.layer];
    if (tally) tally.wastedBytes += content.sizeBytes;
    const wasted = this.#wasted.get(content.path) ?? { size: 0, count: 0 };
    wasted.size += content.sizeBytes;
    wasted.count++;
    this.#wasted.set(content.path, wasted);
  }

  /** Removed and brought again by one layer is a change. */
  #note(path: string, kind: ExploredKind, type: TarEntryType, sizeBytes: number): void {
    const files = this.#layers[this.#current]?.files;
    const before = files?.get(path);
    const isAgain = before !== undefined && kind !== 'removed' && before.kind !== 'added';
    files?.set(path, {
      path,
      kind: isAgain ? 'changed' : before?.kind === 'added' ? 'added' : kind,
      type,
      sizeBytes,
    });
  }

  /** Directories on the way that no layer has an entry for are made. */
  #parentOf(names: readonly string[]): Map<string, Node> {
    let node = this.#root;
    for (const name of names.slice(0, -1)) {
      const children = (node.children ??= new Map());
      let next = children.get(name);
      if (!next) {
        next = directory(this.#current);
        children.set(name, next);
        this.#count();
      }
      node = next;
    }
    return (node.children ??= new Map());
  }

  #find(names: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of names) node = node?.children?.get(name);
    return node;
  }

  #count(): void {
    if (++this.#nodes > MAXIMUM_NODES)
      throw imageError('image-too-large-to-explore', { details: { maximumFiles: MAXIMUM_NODES } });
  }
}

function directory(layer: number): Node {
  return { layer, type: 'directory', attributes: '', content: undefined, children: undefined };
}

/** Layers repeat the directories that lead to what they change. */
function isSameDirectory(before: Node | undefined, node: Node): boolean {
  if (before?.type !== 'directory' || node.type !== 'directory') return false;
  return before.attributes === node.attributes || before.attributes === '';
}

/** Names are only compared here, never opened: `..` is a name like others, and leads nowhere. */
function namesOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`;
}
