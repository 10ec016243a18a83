/**
 * What a layer's tar says, as one tree. Everything hostile is refused here: what a name may be, what may lie below what,
 * what a hard link may point at. Nothing of it depends on the order of the members, except that of two with one name the
 * later counts.
 */
import type { EngineError } from '#base/errors.ts';
import type { TarEntry } from '#oci/tar-header.ts';
import { layerError } from './layer-errors.ts';
import {
  type ByteName,
  type DirectoryNode,
  type FileNode,
  isStorableXattr,
  type LayerNode,
  type LayerTree,
  MAXIMUM_NAME,
  MAXIMUM_PATH,
  newDirectory,
  NO_XATTRS,
  type NodeCommon,
  type SpecialNode,
  type SymlinkNode,
} from './layer-tree.ts';

const WHITEOUT_PREFIX = '.wh.';
const WHITEOUT_META_PREFIX = '.wh..wh.';
const OPAQUE_MARKER = '.wh..wh..opq';
/** Names, link targets and attributes of one archive; a million files of an ordinary system take a third of it. */
const MAXIMUM_METADATA_BYTES = 256 << 20;
const MAXIMUM_XATTR_VALUE = 65535;
const MAXIMUM_XATTR_BYTES = 200_000;
const MAXIMUM_ID = 2 ** 32 - 1;
/** Linux has 12 bits for the one and 20 for the other (<linux/kdev_t.h>). */
const MAXIMUM_MAJOR = 0xfff;
const MAXIMUM_MINOR = 0xfffff;

/** Builds a {@link LayerTree} from the members of a tar, in their order. */
export class LayerTreeBuilder {
  readonly #root: DirectoryNode = newDirectory(0n);
  readonly #whiteouts: { readonly parent: DirectoryNode; readonly name: ByteName }[] = [];
  readonly #maximumNodes: number;
  #nodes = 0;
  #metadataBytes = 0;
  #sizeBytes = 0;
  #hasSparseFiles = false;
  /** Members come grouped by directory: the last parent is most often the next one. */
  #lastParentPath: ByteName | undefined;
  #lastParent: DirectoryNode = this.#root;

  /** @param maximumNodes of the tree: an archive can name a thousand directories in one member */
  constructor(maximumNodes: number) {
    this.#maximumNodes = maximumNodes;
  }

  /**
   * @param dataOffset where the member's data starts in the archive
   * @throws {EngineError} `invalid` if the member is hostile or impossible
   */
  add(entry: TarEntry, dataOffset: number): void {
    const path = cleanPath(entry.pathBytes ?? entry.path);
    this.#account(entry, path);
    if (path === '') return this.#setRoot(entry);
    const [parent, name] = this.#locate(path, entry.mtimeNs);
    if (name.startsWith(WHITEOUT_PREFIX)) return this.#addWhiteout(parent, name);
    if (entry.type === 'hardlink') return this.#addHardlink(entry, parent, name);
    return this.#put(parent, name, this.#nodeFor(entry, dataOffset));
  }

  /** The whole tree; whiteouts hide what is below the layer, never what is in it, wherever they stood. */
  finish(): LayerTree {
    for (const { parent, name } of this.#whiteouts) {
      const present = parent.children.get(name);
      if (present?.type === 'directory') present.opaque = true;
      if (present) continue;
      parent.children.set(name, newWhiteout());
      parent.hasWhiteouts = true;
    }
    return { root: this.#root, sizeBytes: this.#sizeBytes, hasSparseFiles: this.#hasSparseFiles };
  }

  /** What is kept in memory is bounded, whatever an archive holds. */
  #account(entry: TarEntry, path: ByteName): void {
    let bytes = path.length + entry.linkName.length;
    for (const [name, value] of entry.xattrs) bytes += name.length + value.length;
    this.#metadataBytes += bytes;
    if (this.#metadataBytes > MAXIMUM_METADATA_BYTES) {
      throw refused(readable(path), 'the names and attributes before it are too large');
    }
  }

  #countNode(path: ByteName): void {
    if (++this.#nodes > this.#maximumNodes) {
      throw refused(readable(path), `the archive makes more than ${this.#maximumNodes} files`);
    }
  }

  #setRoot(entry: TarEntry): void {
    if (entry.type !== 'directory') throw refused('.', 'its root is not a directory');
    setAttributes(this.#root, entry);
  }

  #locate(path: ByteName, mtimeNs: bigint): [parent: DirectoryNode, name: ByteName] {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    if (slash < 0) return [this.#root, name];
    const parentPath = path.slice(0, slash);
    if (parentPath !== this.#lastParentPath) {
      this.#lastParent = this.#makeParents(parentPath, mtimeNs);
      this.#lastParentPath = parentPath;
    }
    return [this.#lastParent, name];
  }

  /** Directories that the archive does not name get Docker's 0755, owned by root. */
  #makeParents(path: ByteName, mtimeNs: bigint): DirectoryNode {
    let directory = this.#root;
    for (const name of path.split('/')) {
      const present = directory.children.get(name);
      if (present && present.type !== 'directory') {
        throw refused(readable(path), 'a part of the path is not a directory');
      }
      const next = present ?? newDirectory(mtimeNs);
      if (!present) {
        this.#countNode(path);
        directory.children.set(name, next);
      }
      directory = next;
    }
    return directory;
  }

  #addWhiteout(parent: DirectoryNode, name: ByteName): void {
    if (name === OPAQUE_MARKER) parent.opaque = true;
    else if (name.startsWith(WHITEOUT_META_PREFIX)) return;
    else this.#whiteouts.push({ parent, name: whiteoutTarget(name) });
  }

  #addHardlink(entry: TarEntry, parent: DirectoryNode, name: ByteName): void {
    const target = this.#find(cleanPath(entry.linkNameBytes ?? entry.linkName));
    if (!target) throw refused(entry.path, 'it links to something that is not in the archive');
    if (target.type === 'directory') throw refused(entry.path, 'it is a hard link to a directory');
    if (parent.children.get(name) === target) return;
    target.links++;
    this.#put(parent, name, target);
  }

  #find(path: ByteName): LayerNode | undefined {
    let node: LayerNode | undefined = this.#root;
    for (const name of path.split('/')) {
      if (node?.type !== 'directory') return undefined;
      node = node.children.get(name);
    }
    return node;
  }

  #put(parent: DirectoryNode, name: ByteName, node: LayerNode): void {
    const present = parent.children.get(name);
    if (present?.type === 'directory' && node.type === 'directory') return copyAttributes(present, node);
    if (present) this.#replaced(present);
    this.#countNode(name);
    parent.children.set(name, node);
  }

  #replaced(node: LayerNode): void {
    node.links--;
    if (node.type === 'directory') {
      this.#lastParentPath = undefined;
      for (const child of node.children.values()) this.#replaced(child);
    } else if (node.links === 0) this.#sizeBytes -= contentBytes(node);
  }

  #nodeFor(entry: TarEntry, dataOffset: number): LayerNode {
    const common = { ...attributesOf(entry), links: 1 };
    if (entry.type === 'directory') {
      return { ...common, type: 'directory', children: new Map(), opaque: false, hasWhiteouts: false };
    }
    if (entry.type === 'symlink') return this.#symlinkFor(entry, common);
    if (entry.type === 'file') return this.#fileFor(entry, common, dataOffset);
    if (entry.type === 'hardlink') throw refused(entry.path, 'it is a hard link');
    if (!isInRange(entry.deviceMajor, MAXIMUM_MAJOR) || !isInRange(entry.deviceMinor, MAXIMUM_MINOR)) {
      throw refused(entry.path, 'its device number is impossible');
    }
    return { ...common, type: entry.type, major: entry.deviceMajor, minor: entry.deviceMinor };
  }

  #symlinkFor(entry: TarEntry, common: NodeCommon): SymlinkNode {
    const node: SymlinkNode = { ...common, type: 'symlink', target: symlinkTarget(entry) };
    this.#sizeBytes += contentBytes(node);
    return node;
  }

  #fileFor(entry: TarEntry, common: NodeCommon, dataOffset: number): FileNode {
    const sizeBytes = entry.realSizeBytes ?? entry.sizeBytes;
    this.#sizeBytes += sizeBytes;
    if (!entry.sparse) return { ...common, type: 'file', sizeBytes, dataOffset };
    this.#hasSparseFiles = true;
    return { ...common, type: 'file', sizeBytes, dataOffset, sparse: entry.sparse };
  }
}

function newWhiteout(): SpecialNode {
  return {
    type: 'character',
    mode: 0,
    uid: 0,
    gid: 0,
    mtimeNs: 0n,
    xattrs: NO_XATTRS,
    links: 1,
    major: 0,
    minor: 0,
  };
}

function attributesOf(entry: TarEntry): Omit<NodeCommon, 'links'> {
  const { mode, uid, gid, mtimeNs } = entry;
  if (!isInRange(uid, MAXIMUM_ID) || !isInRange(gid, MAXIMUM_ID))
    throw refused(entry.path, 'its owner is impossible');
  return { mode, uid, gid, mtimeNs, xattrs: entry.xattrs.size === 0 ? NO_XATTRS : usableXattrs(entry) };
}

function setAttributes(node: DirectoryNode, entry: TarEntry): void {
  Object.assign(node, attributesOf(entry));
}

function copyAttributes(node: DirectoryNode, from: DirectoryNode): void {
  const { mode, uid, gid, mtimeNs, xattrs } = from;
  Object.assign(node, { mode, uid, gid, mtimeNs, xattrs });
}

/**
 * The attributes that a Linux file system keeps. An archive must not steer overlay (`trusted.overlay.redirect` would
 * show any directory of a lower layer).
 */
function usableXattrs(entry: TarEntry): ReadonlyMap<string, Buffer> {
  const usable = new Map<string, Buffer>();
  let total = 0;
  for (const [name, value] of entry.xattrs) {
    if (!isStorableXattr(name)) continue;
    total += name.length + value.length;
    if (value.length > MAXIMUM_XATTR_VALUE || total > MAXIMUM_XATTR_BYTES) {
      throw refused(entry.path, 'its extended attributes are too large');
    }
    usable.set(name, Buffer.from(value));
  }
  return usable;
}

function contentBytes(node: LayerNode): number {
  if (node.type === 'file') return node.sizeBytes;
  return node.type === 'symlink' ? node.target.length : 0;
}

function symlinkTarget(entry: TarEntry): ByteName {
  const target = toByteName(entry.linkNameBytes ?? entry.linkName);
  if (target === '' || target.length >= MAXIMUM_PATH)
    throw refused(entry.path, 'its link target is impossible');
  return target;
}

function whiteoutTarget(name: ByteName): ByteName {
  const target = name.slice(WHITEOUT_PREFIX.length);
  if (target === '' || target === '.' || target === '..') throw refused(name, 'it is no whiteout');
  return target;
}

/**
 * A name as stored, relative to the root of the layer and without needless parts. A leading slash means the root of
 * the layer, as for Docker: archives of Cloud Native Buildpacks have it.
 */
function cleanPath(name: string | Buffer): ByteName {
  const parts = toByteName(name)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  const path = parts.join('/');
  if (parts.includes('..')) throw refused(readable(path), 'its name leads out of the layer');
  if (path.length >= MAXIMUM_PATH || parts.some((part) => part.length > MAXIMUM_NAME)) {
    throw refused(`${readable(path).slice(0, 64)}…`, 'its name is too long');
  }
  return path;
}

function toByteName(name: string | Buffer): ByteName {
  return (typeof name === 'string' ? Buffer.from(name) : name).toString('latin1');
}

function isInRange(value: number, maximum: number): boolean {
  return value >= 0 && value <= maximum;
}

function readable(name: ByteName): string {
  return Buffer.from(name, 'latin1').toString();
}

function refused(path: string, why: string): EngineError {
  return layerError('layer-entry-refused', { subject: path, details: { problem: why } });
}
