/** The files of a layer as one tree in memory, from which both ways of storing a layer are written. */
import type { SparseRegion } from '#oci/tar-header.ts';

/** Names are the bytes of the archive, one character a byte (latin1): they sort and compare as the kernel does. */
export type ByteName = string;

/** What every node has. */
export interface NodeCommon {
  mode: number;
  uid: number;
  gid: number;
  mtimeNs: bigint;
  xattrs: ReadonlyMap<string, Buffer>;
  /** Names in the tree; 0 once it was replaced. */
  links: number;
}

export interface DirectoryNode extends NodeCommon {
  readonly type: 'directory';
  readonly children: Map<ByteName, LayerNode>;
  /** Hides what lower layers have in it. */
  opaque: boolean;
  hasWhiteouts: boolean;
}

export interface FileNode extends NodeCommon {
  readonly type: 'file';
  readonly sizeBytes: number;
  /** Where its bytes lie in the archive. */
  readonly dataOffset: number;
  readonly sparse?: readonly SparseRegion[];
}

export interface SymlinkNode extends NodeCommon {
  readonly type: 'symlink';
  readonly target: ByteName;
}

export interface SpecialNode extends NodeCommon {
  readonly type: 'character' | 'block' | 'fifo';
  readonly major: number;
  readonly minor: number;
}

export type LayerNode = DirectoryNode | FileNode | SymlinkNode | SpecialNode;

export interface LayerTree {
  readonly root: DirectoryNode;
  /** Bytes of files and of the targets of symbolic links: what Docker counts, which does so on disk. */
  readonly sizeBytes: number;
  /** True if a file has holes, which an index cannot point at. */
  readonly hasSparseFiles: boolean;
}

/** Linux' NAME_MAX and PATH_MAX. */
export const MAXIMUM_NAME = 255;
export const MAXIMUM_PATH = 4096;
export const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

/** As Docker makes directories that nothing describes: 0755, owned by root. */
export function newDirectory(mtimeNs: bigint): DirectoryNode {
  const children = new Map<ByteName, LayerNode>();
  return {
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtimeNs,
    xattrs: NO_XATTRS,
    links: 1,
    children,
    opaque: false,
    hasWhiteouts: false,
  };
}

/**
 * The attributes of a node with those that overlay reads. An empty origin makes overlay look for whiteouts in a
 * directory that no other layer has; without it they would be seen as devices.
 */
export function storedXattrs(node: LayerNode): ReadonlyMap<string, Buffer> {
  if (node.type !== 'directory' || !(node.opaque || node.hasWhiteouts)) return node.xattrs;
  const xattrs = new Map(node.xattrs);
  if (node.opaque) xattrs.set('trusted.overlay.opaque', Buffer.from('y'));
  if (node.hasWhiteouts) xattrs.set('trusted.overlay.origin', Buffer.alloc(0));
  return xattrs;
}

/** True for the attributes that layers carry: none that steer overlay, none of namespaces that Linux does not have. */
export function isStorableXattr(name: string): boolean {
  if (name.startsWith('trusted.overlay.') || name.length > MAXIMUM_NAME) return false;
  return /^(?:user|trusted|security)\..|^system\.posix_acl_(?:access|default)$/s.test(name);
}
