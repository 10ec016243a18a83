/**
 * A client's files as it last told of them: names and attributes in memory, contents in one data file. It is looked at
 * like any tree, without reading a byte of them, and written as an EROFS index with which the data file can be mounted.
 */
import { constants as fs } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import {
  type ByteName,
  type DirectoryNode,
  type FileNode,
  type LayerNode,
  type LayerTree,
  newDirectory,
  NO_XATTRS,
} from '#layer/layer-tree.ts';
import type { SourceStats, SourceTree } from '../files/source-tree.ts';
import type { FileEntry } from '../session/build-session.ts';
import { hasContents, isHardLink, type StoredEntry } from './stored-entry.ts';
import {
  attributesOf,
  checkedPath,
  nodeOf,
  refused,
  statsOf,
  TableFile,
  toBytes,
  toText,
} from './table-nodes.ts';

/** Linux follows no more of them on one path (path_resolution(7)). */
const MAXIMUM_LINKS = 40;
/** The files of a context; all of them count as root's. */
export class FileTable implements SourceTree {
  /** No other table has it. */
  readonly identity: string = newId();
  readonly #root: DirectoryNode = newDirectory(0n);
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
    if (hasContents(entry)) this.#sizeBytes += stored.storedBytes;
    const node = isHardLink(entry) ? this.#hardLink(entry) : nodeOf(stored);
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
      const next = directory.children.get(name) ?? newDirectory(0n);
      if (next.type !== 'directory') throw refused(path, 'it is below something that is no directory');
      directory.children.set(name, next);
      directory = next;
    }
    return directory;
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
