/**
 * A client's files as it last told of them: names and attributes in memory, contents in one data file. It is looked at
 * like any tree, without reading a byte of them, and written as an EROFS index with which the data file can be mounted.
 */
import { constants as fs } from 'node:fs';
import { bytesOfText, textOfBytes } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import {
  type ByteName,
  type DirectoryNode,
  type FileNode,
  isStorableXattr,
  type LayerNode,
  type LayerTree,
} from '#layer/layer-tree.ts';
import type { FileEntry } from '../session/build-session.ts';
import type { SourceStats, SourceTree } from '../files/source-tree.ts';

/** An entry, and where the contents of a regular file are. */
export interface StoredEntry {
  readonly entry: FileEntry;
  /** The offset in the data file; 0 for entries without contents. */
  readonly dataOffset: number;
  /** As many as came: a file may have shrunk since it was told of. */
  readonly storedBytes: number;
  /** SHA-256 of the contents, its bytes as Latin-1: a tenth of what a buffer takes. Empty for all that has none. */
  readonly digest: string;
}

const NO_CONTENTS = { dataOffset: 0, storedBytes: 0, digest: '' } as const;
const PERMISSIONS = 0o7777;
/** Linux follows no more of them on one path (path_resolution(7)). */
const MAXIMUM_LINKS = 40;
const MAXIMUM_NAME = 255;
const MAXIMUM_PATH = 4096;
/** The same in any encoding. */
const ASCII = /^\p{ASCII}*$/u;
const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();
const SPECIAL_TYPES = new Map([
  [fs.S_IFCHR, 'character'],
  [fs.S_IFBLK, 'block'],
  [fs.S_IFIFO, 'fifo'],
] as const);

/** The files of a context; all of them count as root's. */
export class FileTable implements SourceTree {
  /** No other table has it. */
  readonly identity: string = newId();
  readonly #root: DirectoryNode = newDirectory();
  #sizeBytes = 0;
  #parentPath = '';
  #parent = this.#root;
  #foundPath: ByteName | undefined;
  #found: LayerNode | undefined;
  #foundDirectoryPath: ByteName | undefined;
  #foundDirectory: LayerNode | undefined;

  /** @throws {EngineError} `invalid` for entries that cannot be: a client need not be honest */
  constructor(entries: Iterable<StoredEntry>) {
    for (const stored of entries) this.#add(stored);
  }

  /** The tree to be indexed or written out; `dataOffset` of its files counts in the data file. */
  get layerTree(): LayerTree {
    return { root: this.#root, sizeBytes: this.#sizeBytes, hasSparseFiles: false };
  }

  /** A regular file by its path, links followed; undefined if it is something else. */
  file(path: string): FileNode | undefined {
    const resolved = this.resolve(path);
    const node = resolved && this.#find(toBytes(resolved.path));
    return node?.type === 'file' ? node : undefined;
  }

  resolve(path: string): { readonly path: string; readonly isDirectory: boolean } | undefined {
    const place = this.#follow(toBytes(path));
    if (!place) return undefined;
    return { path: toText(`/${place.names.join('/')}`), isDirectory: place.node.type === 'directory' };
  }

  list(directory: string): readonly string[] {
    const node = this.#follow(toBytes(directory))?.node;
    return node?.type === 'directory' ? [...node.children.keys()].map(toText).toSorted() : [];
  }

  /** By a path without links. */
  node(path: ByteName): LayerNode | undefined {
    return this.#find(path);
  }

  readonly stat = (path: ByteName): SourceStats | undefined => {
    const node = this.#find(path);
    return node && statsOf(node);
  };

  readonly names = (directory: ByteName): readonly ByteName[] => {
    const node = this.#find(directory);
    return node?.type === 'directory' ? [...node.children.keys()].toSorted() : [];
  };

  link(path: ByteName): ByteName {
    const node = this.#find(path);
    return node?.type === 'symlink' ? node.target : '';
  }

  xattrs(path: ByteName): ReadonlyMap<string, Buffer> {
    return this.#find(path)?.xattrs ?? NO_XATTRS;
  }

  digest(path: ByteName): string {
    const node = this.#find(path);
    if (node instanceof TableFile) return node.digest;
    throw new EngineError('internal', `Cannot tell digest of ${toText(path)}: no such file`);
  }

  #add(stored: StoredEntry): void {
    const { entry } = stored;
    const path = checkedPath(entry.path);
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    const parent = this.#parentOf(slash < 0 ? '' : path.slice(0, slash), entry);
    const present = parent.children.get(name);
    if ((entry.mode & fs.S_IFMT) === fs.S_IFDIR && present?.type === 'directory') {
      Object.assign(present, attributesOf(entry));
      return;
    }
    if (present) throw refused(entry.path, 'it comes twice');
    const node = this.#node(stored);
    if (node) parent.children.set(name, node);
  }

  /** Entries come grouped by directory: the last one's is most often the next one's. */
  #parentOf(parentPath: ByteName, entry: FileEntry): DirectoryNode {
    if (parentPath !== this.#parentPath) this.#parent = this.#directoryAt(parentPath, entry);
    this.#parentPath = parentPath;
    return this.#parent;
  }

  #directoryAt(parentPath: ByteName, { path }: FileEntry): DirectoryNode {
    let directory = this.#root;
    if (parentPath === '') return directory;
    for (const name of parentPath.split('/')) {
      const next = directory.children.get(name) ?? newDirectory();
      if (next.type !== 'directory') throw refused(path, 'it is below something that is no directory');
      directory.children.set(name, next);
      directory = next;
    }
    return directory;
  }

  /** Undefined for what no layer can hold: sockets. */
  #node(stored: StoredEntry): LayerNode | undefined {
    const { entry } = stored;
    const type = entry.mode & fs.S_IFMT;
    const common = { ...attributesOf(entry), links: 1 };
    if (type === fs.S_IFDIR) return { ...newDirectory(), ...common };
    if (type === fs.S_IFLNK) return { ...common, type: 'symlink', target: linkTarget(entry) };
    if (type === fs.S_IFREG) return entry.linkName === '' ? this.#file(stored) : this.#hardLink(entry);
    if (type === fs.S_IFSOCK) return undefined;
    const special = SPECIAL_TYPES.get(type);
    if (!special) throw refused(entry.path, 'its type is unknown');
    return { ...common, type: special, major: entry.deviceMajor & 0xfff, minor: entry.deviceMinor & 0xfffff };
  }

  #file(stored: StoredEntry): FileNode {
    this.#sizeBytes += stored.storedBytes;
    return new TableFile(stored);
  }

  #hardLink({ path, linkName }: FileEntry): LayerNode {
    const target = this.#walk(checkedPath(linkName));
    if (target?.type !== 'file') throw refused(path, 'it is a hard link to something that did not come');
    target.links++;
    return target;
  }

  /** A walk asks several times for one path, then for its neighbours. */
  #find(path: ByteName): LayerNode | undefined {
    if (path === this.#foundPath) return this.#found;
    const slash = path.lastIndexOf('/');
    const directory = slash < 0 ? '' : path.slice(0, slash);
    if (directory !== this.#foundDirectoryPath) {
      this.#foundDirectory = this.#walk(directory);
      this.#foundDirectoryPath = directory;
    }
    const name = path.slice(slash + 1);
    const above = this.#foundDirectory;
    if (name === '' || name === '.') this.#found = above;
    else this.#found = above?.type === 'directory' ? above.children.get(name) : undefined;
    this.#foundPath = path;
    return this.#found;
  }

  #walk(path: ByteName): LayerNode | undefined {
    let node: LayerNode | undefined = this.#root;
    for (const name of path.split('/')) {
      if (name === '' || name === '.') continue;
      if (node?.type !== 'directory') return undefined;
      node = node.children.get(name);
    }
    return node;
  }

  /** As a process would whose root the tree is. */
  #follow(path: ByteName): { readonly names: readonly ByteName[]; readonly node: LayerNode } | undefined {
    const todo = path.split('/').toReversed();
    const names: ByteName[] = [];
    const nodes: LayerNode[] = [this.#root];
    for (let links = 0; todo.length > 0; ) {
      const name = todo.pop() ?? '';
      const here = nodes.at(-1);
      if (here?.type !== 'directory') return undefined;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        names.pop();
        if (nodes.length > 1) nodes.pop();
        continue;
      }
      const next = here.children.get(name);
      if (next?.type !== 'symlink') {
        if (!next) return undefined;
        names.push(name);
        nodes.push(next);
        continue;
      }
      if (++links > MAXIMUM_LINKS) return undefined;
      if (next.target.startsWith('/')) {
        names.length = 0;
        nodes.length = 1;
      }
      todo.push(...next.target.split('/').toReversed());
    }
    const node = nodes.at(-1);
    return node && { names, node };
  }
}

/** A class, so that each takes no more memory than its fields. */
class TableFile implements FileNode {
  readonly type = 'file';
  readonly mode: number;
  readonly uid = 0;
  readonly gid = 0;
  readonly mtimeNs: bigint;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  links = 1;
  readonly sizeBytes: number;
  readonly dataOffset: number;
  readonly digest: string;

  constructor({ entry, dataOffset, storedBytes, digest }: StoredEntry) {
    this.mode = entry.mode & PERMISSIONS;
    this.mtimeNs = entry.modifiedNs;
    this.xattrs = storable(entry.xattrs);
    this.sizeBytes = storedBytes;
    this.dataOffset = dataOffset;
    this.digest = digest;
  }
}

/** What has no contents to be stored. */
export function withoutContents(entry: FileEntry): StoredEntry {
  return { entry, ...NO_CONTENTS };
}

/** True for what the client is to be asked the contents of. */
export function hasContents({ mode, linkName }: FileEntry): boolean {
  return (mode & fs.S_IFMT) === fs.S_IFREG && linkName === '';
}

function newDirectory(): DirectoryNode {
  return {
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtimeNs: 0n,
    xattrs: NO_XATTRS,
    links: 1,
    children: new Map(),
    opaque: false,
    hasWhiteouts: false,
  };
}

function attributesOf({ mode, modifiedNs, xattrs }: FileEntry) {
  return { mode: mode & PERMISSIONS, uid: 0, gid: 0, mtimeNs: modifiedNs, xattrs: storable(xattrs) };
}

function storable(xattrs: FileEntry['xattrs']): ReadonlyMap<string, Buffer> {
  const names = Object.keys(xattrs).filter(isTaken).toSorted();
  if (names.length === 0) return NO_XATTRS;
  return new Map(names.map((name) => [name, xattrs[name] ?? Buffer.alloc(0)]));
}

/** Labels of a security module are of the client's machine; BuildKit's checksums leave them out as well. */
function isTaken(name: string): boolean {
  return isStorableXattr(name) && (!name.startsWith('security.') || name === CAPABILITY);
}

const CAPABILITY = 'security.capability';

const TYPE_BITS = {
  file: fs.S_IFREG,
  directory: fs.S_IFDIR,
  symlink: fs.S_IFLNK,
  character: fs.S_IFCHR,
  block: fs.S_IFBLK,
  fifo: fs.S_IFIFO,
} as const;

function statsOf(node: LayerNode): SourceStats {
  const { uid, gid, type } = node;
  const isDevice = type === 'character' || type === 'block';
  return {
    // A link's own permissions mean nothing: the kernel shows all of them.
    mode: TYPE_BITS[type] | (type === 'symlink' ? 0o777 : node.mode),
    uid,
    gid,
    rdev: isDevice ? (node.minor & 0xff) + node.major * 0x100 + (node.minor >>> 8) * 0x100000 : 0,
    sizeBytes: type === 'file' ? node.sizeBytes : 0,
  };
}

function checkedPath(path: string): ByteName {
  const bytes = toBytes(path);
  if (bytes.length >= MAXIMUM_PATH || bytes.includes('\0') || !bytes.split('/').every(isName))
    throw refused(path.slice(0, 64), 'no file can be called that');
  return bytes;
}

function isName(name: ByteName): boolean {
  return name !== '' && name !== '.' && name !== '..' && name.length <= MAXIMUM_NAME;
}

function linkTarget({ path, linkName }: FileEntry): ByteName {
  const target = toBytes(linkName);
  if (target === '' || target.length >= MAXIMUM_PATH || target.includes('\0'))
    throw refused(path, 'its link target is impossible');
  return target;
}

function toBytes(text: string): ByteName {
  if (ASCII.test(text)) return text;
  return bytesOfText(text).toString('latin1');
}

function toText(bytes: ByteName): string {
  if (ASCII.test(bytes)) return bytes;
  return textOfBytes(Buffer.from(bytes, 'latin1'));
}

function refused(path: string, why: string): EngineError {
  return new EngineError('invalid', `Cannot receive ${JSON.stringify(path)} of build context: ${why}`);
}
