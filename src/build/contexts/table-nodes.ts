/** Entries of a client as nodes of a layer's tree, all of them root's; what cannot be a file is refused. */
import { constants as fs } from 'node:fs';
import { bytesOfText, textOfBytes } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';
import {
  type ByteName,
  type FileNode,
  isStorableXattr,
  type LayerNode,
  MAXIMUM_NAME,
  MAXIMUM_PATH,
  newDirectory,
  NO_XATTRS,
} from '#layer/layer-tree.ts';
import type { SourceStats } from '../files/source-tree.ts';
import type { FileEntry } from '../session/build-session.ts';
import type { StoredEntry } from './stored-entry.ts';

const PERMISSIONS = 0o7777;
/** The same in any encoding. */
const ASCII = /^\p{ASCII}*$/u;

const SPECIAL_TYPES = new Map([
  [fs.S_IFCHR, 'character'],
  [fs.S_IFBLK, 'block'],
  [fs.S_IFIFO, 'fifo'],
] as const);

/** A file of its own; undefined for what no layer can hold: sockets. Hard links are nodes of the files they lead to. */
export function nodeOf(stored: StoredEntry): LayerNode | undefined {
  const { entry } = stored;
  const type = entry.mode & fs.S_IFMT;
  if (type === fs.S_IFREG) return new TableFile(stored);
  const common = { ...attributesOf(entry), links: 1 };
  if (type === fs.S_IFDIR) return { ...newDirectory(0n), ...common };
  if (type === fs.S_IFLNK) return { ...common, type: 'symlink', target: linkTarget(entry) };
  if (type === fs.S_IFSOCK) return undefined;
  const special = SPECIAL_TYPES.get(type);
  if (!special) throw refused(entry.path, 'its type is unknown');
  return { ...common, type: special, major: entry.deviceMajor & 0xfff, minor: entry.deviceMinor & 0xfffff };
}

/** A class, so that each takes no more memory than its fields. */
export class TableFile implements FileNode {
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

export function attributesOf({ mode, modifiedNs, xattrs }: FileEntry) {
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

export function statsOf(node: LayerNode): SourceStats {
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

export function checkedPath(path: string): ByteName {
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

export function toBytes(text: string): ByteName {
  if (ASCII.test(text)) return text;
  return bytesOfText(text).toString('latin1');
}

export function toText(bytes: ByteName): string {
  if (ASCII.test(bytes)) return bytes;
  return textOfBytes(Buffer.from(bytes, 'latin1'));
}

export function refused(path: string, why: string): EngineError {
  return new EngineError('invalid', `Cannot receive ${JSON.stringify(path)} of build context: ${why}`);
}
