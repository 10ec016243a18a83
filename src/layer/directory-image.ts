/**
 * The extracted form of a layer, where EROFS cannot be mounted from a file. It is written from the validated tree into
 * an empty directory that no other process can reach, so that no path of the archive is ever followed: every parent is
 * a directory that was made here.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { isUtf8 } from 'node:buffer';
import { isErrno } from '#linux/errno.ts';
import { makeNode, setTimes } from '#linux/files.ts';
import { setXattr } from '#linux/xattrs.ts';
import {
  type DirectoryNode,
  type FileNode,
  type LayerNode,
  type LayerTree,
  type SpecialNode,
  storedXattrs,
} from './layer-tree.ts';
import { layerError } from './layer-errors.ts';

const COPY_BYTES = 1 << 20;
const FILE_TYPE = { character: 0o020000, block: 0o060000, fifo: 0o010000 } as const;
const NS_PER_SECOND = 1_000_000_000;

/**
 * Writes the tree into the existing directory `target`; file contents come from the tar behind `tarFd`.
 *
 * @param check is called now and then, to throw if the work is not wanted any more
 */
export function writeDirectoryImage(tree: LayerTree, tarFd: number, target: string, check: () => void): void {
  new DirectoryWriter(tarFd, check).write(tree.root, target);
}

class DirectoryWriter {
  readonly #tarFd: number;
  readonly #check: () => void;
  readonly #buffer = Buffer.allocUnsafeSlow(COPY_BYTES);
  /** Where a node was written first: its other names are links to that. */
  readonly #written = new Map<LayerNode, Buffer>();

  constructor(tarFd: number, check: () => void) {
    this.#tarFd = tarFd;
    this.#check = check;
  }

  /** Top down, then the attributes of directories bottom up: what is made in them changes their times. */
  write(root: DirectoryNode, target: string): void {
    const directories: [DirectoryNode, Buffer][] = [[root, Buffer.from(target)]];
    for (const [directory, path] of directories) {
      this.#check();
      for (const [name, node] of directory.children) {
        const child = Buffer.concat([path, SLASH, Buffer.from(name, 'latin1')]);
        this.#writeNode(node, child);
        if (node.type === 'directory') directories.push([node, child]);
      }
    }
    for (const [directory, path] of directories.toReversed()) {
      chmodSync(path, directory.mode);
      this.#finish(directory, path);
    }
  }

  #writeNode(node: LayerNode, path: Buffer): void {
    const first = node.links > 1 ? this.#written.get(node) : undefined;
    if (first) {
      linkSync(first, path);
      return;
    }
    if (node.links > 1) this.#written.set(node, path);
    if (node.type === 'directory') {
      mkdirSync(path, 0o700);
      return;
    }
    if (node.type === 'file') this.#writeFile(node, path);
    else if (node.type === 'symlink') symlinkSync(Buffer.from(node.target, 'latin1'), path);
    else writeSpecial(node, path);
    this.#finish(node, path);
  }

  #writeFile(node: FileNode, path: Buffer): void {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(path, flags, 0o600);
    try {
      if (node.sparse) this.#copySparse(node, fd);
      else this.#copy(fd, node.dataOffset, 0, node.sizeBytes);
      if (node.uid !== 0 || node.gid !== 0) fchownSync(fd, node.uid, node.gid);
      fchmodSync(fd, node.mode);
    } finally {
      closeSync(fd);
    }
  }

  #copySparse(node: FileNode, fd: number): void {
    let from = node.dataOffset;
    for (const { offset, length } of node.sparse ?? []) {
      this.#copy(fd, from, offset, length);
      from += length;
    }
    ftruncateSync(fd, node.sizeBytes);
  }

  #copy(fd: number, from: number, to: number, length: number): void {
    for (let done = 0; done < length; ) {
      const wanted = Math.min(COPY_BYTES, length - done);
      const count = readSync(this.#tarFd, this.#buffer, 0, wanted, from + done);
      if (count === 0) throw layerError('tar-damaged', { details: { problem: 'unexpected EOF' } });
      for (let at = 0; at < count; ) at += writeSync(fd, this.#buffer, at, count - at, to + done + at);
      done += count;
    }
  }

  /** Owner before attributes: changing the owner drops `security.capability`. */
  #finish(node: LayerNode, path: Buffer): void {
    if (node.type !== 'file' && (node.uid !== 0 || node.gid !== 0)) {
      lchownSync(path, node.uid, node.gid);
      if ((node.mode & 0o6000) !== 0 && node.type !== 'symlink') chmodSync(path, node.mode);
    }
    const xattrs = storedXattrs(node);
    if (xattrs.size > 0) writeXattrs(textOf(path), xattrs);
    writeTimes(path, node.mtimeNs);
  }
}

const SLASH = Buffer.from('/');

function writeSpecial(node: SpecialNode, path: Buffer): void {
  makeNode(textOf(path), FILE_TYPE[node.type] | 0o600, node.major, node.minor);
  chmodSync(path, node.mode);
}

/** A file system without a kind of attribute loses it, as with Docker. */
function writeXattrs(path: string, xattrs: ReadonlyMap<string, Buffer>): void {
  for (const [name, value] of xattrs) {
    try {
      setXattr(path, name, value);
    } catch (error) {
      if (name.startsWith('trusted.overlay.') || !isErrno(error, 'EOPNOTSUPP', 'EPERM')) throw error;
    }
  }
}

/** Node's own call takes any bytes, but loses the digits below a microsecond. */
function writeTimes(path: Buffer, mtimeNs: bigint): void {
  if (isUtf8(path)) setTimes(path.toString(), mtimeNs, mtimeNs);
  else lutimesSync(path, Number(mtimeNs) / NS_PER_SECOND, Number(mtimeNs) / NS_PER_SECOND);
}

/** @throws {EngineError} `invalid`: calls that are not Node's take text only */
function textOf(path: Buffer): string {
  if (!isUtf8(path)) {
    throw layerError('layer-entry-refused', {
      subject: path.toString(),
      details: { problem: 'its name is not UTF-8' },
    });
  }
  return path.toString();
}
