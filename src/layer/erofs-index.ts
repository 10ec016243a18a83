/**
 * The EROFS image of a layer, without its file contents: those are read from the tar, which is mounted as the image's
 * extra device (erofs(5) of the kernel, fs/erofs/erofs_fs.h; what `mkfs.erofs --tar=i` writes). Blocks are as large as
 * tar's, 512 bytes, so that every file's data starts a block and one chunk is a whole file.
 *
 * Layout: super block and device slot, inodes with their attributes, then the blocks of directories and long links.
 */
import {
  type ByteName,
  type DirectoryNode,
  type LayerNode,
  type LayerTree,
  storedXattrs,
} from './layer-tree.ts';
import { layerError } from './layer-errors.ts';

const BLOCK_BITS = 9;
const BLOCK_BYTES = 1 << BLOCK_BITS;
const SUPER_OFFSET = 1024;
const SUPER_MAGIC = 0xe0f5e1e2;
const SUPER_BYTES = 128;
const DEVICE_SLOT_BYTES = 128;
const FEATURE_COMPAT_MTIME = 0x2;
const FEATURE_INCOMPAT_CHUNKED_FILE = 0x4;
const FEATURE_INCOMPAT_DEVICE_TABLE = 0x8;

const INODE_BYTES = 64;
const INODE_SLOT_BYTES = 32;
/** i_format: bit 0 says extended, the next three how the data lies. */
const FORMAT_PLAIN = 0x1;
const FORMAT_INLINE = 0x1 | (2 << 1);
const FORMAT_CHUNKS = 0x1 | (4 << 1);
const CHUNK_FORMAT_INDEXES = 0x20;
const CHUNK_INDEX_BYTES = 8;
const MAXIMUM_CHUNK_BITS = 31;
const TAR_DEVICE_ID = 1;

const XATTR_HEADER_BYTES = 12;
const DIRENT_BYTES = 12;
const NS_PER_SECOND = 1_000_000_000n;
const ROOT_OFFSET = SUPER_OFFSET + BLOCK_BYTES;

const FILE_TYPES = { file: 1, directory: 2, character: 3, block: 4, fifo: 5, symlink: 7 } as const;
const MODES = {
  file: 0o100000,
  directory: 0o040000,
  character: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  symlink: 0o120000,
} as const;
const XATTR_PREFIXES: readonly (readonly [prefix: string, index: number])[] = [
  ['user.', 1],
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['trusted.', 4],
  ['security.', 6],
];

/** An inode with its place in the image. */
interface PlacedInode {
  readonly node: LayerNode;
  readonly number: number;
  readonly offset: number;
  readonly xattrs: Buffer;
  /** First block of a directory's entries or a long link's target. */
  dataBlock: number;
  readonly dataBytes: number;
}

/** Encodes the index. `tarBytes` is the size of the tar whose offsets the tree has; it must have no sparse files. */
export function encodeErofsIndex(tree: LayerTree, tarBytes: number): Buffer {
  return new IndexWriter(tree.root).encode(tarBytes);
}

class IndexWriter {
  readonly #inodes = new Map<LayerNode, PlacedInode>();
  readonly #parents = new Map<DirectoryNode, DirectoryNode>();
  readonly #names = new Map<DirectoryNode, readonly ByteName[]>();
  #end = ROOT_OFFSET;

  constructor(root: DirectoryNode) {
    this.#parents.set(root, root);
    this.#place(root);
    this.#placeBlocks();
  }

  encode(tarBytes: number): Buffer {
    const image = Buffer.alloc(this.#end);
    this.#writeSuper(image, tarBytes);
    for (const inode of this.#inodes.values()) this.#writeInode(image, inode);
    return image;
  }

  /** Breadth first: what one listing shows lies together, and depth costs no stack. */
  #place(root: DirectoryNode): void {
    this.#placeInode(root);
    const queue: DirectoryNode[] = [root];
    for (const directory of queue) {
      for (const node of directory.children.values()) {
        if (this.#inodes.has(node)) continue;
        this.#placeInode(node);
        if (node.type !== 'directory') continue;
        this.#parents.set(node, directory);
        queue.push(node);
      }
    }
  }

  #placeInode(node: LayerNode): void {
    const xattrs = encodeXattrs(storedXattrs(node));
    const dataBytes = node.type === 'directory' ? this.#layOutNames(node) : symlinkBytes(node);
    const offset = inodeOffset(this.#end, xattrs.length, node);
    this.#end = offset + INODE_BYTES + xattrs.length + tailBytes(node, offset + INODE_BYTES + xattrs.length);
    const number = this.#inodes.size + 1;
    this.#inodes.set(node, { node, number, offset, xattrs, dataBlock: 0, dataBytes });
  }

  #layOutNames(node: DirectoryNode): number {
    const names = ['.', '..', ...node.children.keys()].toSorted(byBytes);
    this.#names.set(node, names);
    const blocks = directoryBlocks(names);
    const last = blocks.at(-1) ?? [];
    return (blocks.length - 1) * BLOCK_BYTES + blockBytes(last);
  }

  #placeBlocks(): void {
    let block = Math.ceil(this.#end / BLOCK_BYTES);
    for (const inode of this.#inodes.values()) {
      if (inode.dataBytes === 0 || isInlineLink(inode.node)) continue;
      inode.dataBlock = block;
      block += Math.ceil(inode.dataBytes / BLOCK_BYTES);
    }
    this.#end = block * BLOCK_BYTES;
  }

  #writeSuper(image: Buffer, tarBytes: number): void {
    const at = SUPER_OFFSET;
    image.writeUInt32LE(SUPER_MAGIC, at);
    image.writeUInt32LE(FEATURE_COMPAT_MTIME, at + 8);
    image.writeUInt8(BLOCK_BITS, at + 12);
    image.writeUInt16LE(ROOT_OFFSET / INODE_SLOT_BYTES, at + 14);
    image.writeBigUInt64LE(BigInt(this.#inodes.size), at + 16);
    image.writeUInt32LE(image.length / BLOCK_BYTES, at + 36);
    image.writeUInt32LE(FEATURE_INCOMPAT_CHUNKED_FILE | FEATURE_INCOMPAT_DEVICE_TABLE, at + 80);
    image.writeUInt16LE(1, at + 86);
    image.writeUInt16LE((at + SUPER_BYTES) / DEVICE_SLOT_BYTES, at + 88);
    image.writeUInt32LE(Math.ceil(tarBytes / BLOCK_BYTES), at + SUPER_BYTES + 64);
  }

  #writeInode(image: Buffer, inode: PlacedInode): void {
    const { node, offset, xattrs } = inode;
    image.writeUInt16LE(formatOf(node), offset);
    image.writeUInt16LE(xattrs.length === 0 ? 0 : (xattrs.length - XATTR_HEADER_BYTES) / 4 + 1, offset + 2);
    image.writeUInt16LE(MODES[node.type] | node.mode, offset + 4);
    image.writeBigUInt64LE(BigInt(node.type === 'file' ? node.sizeBytes : inode.dataBytes), offset + 8);
    image.writeUInt32LE(dataField(inode), offset + 16);
    image.writeUInt32LE(inode.number, offset + 20);
    image.writeUInt32LE(node.uid, offset + 24);
    image.writeUInt32LE(node.gid, offset + 28);
    const subSecond = ((node.mtimeNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
    image.writeBigInt64LE((node.mtimeNs - subSecond) / NS_PER_SECOND, offset + 32);
    image.writeUInt32LE(Number(subSecond), offset + 40);
    image.writeUInt32LE(linkCount(node), offset + 44);
    xattrs.copy(image, offset + INODE_BYTES);
    this.#writeData(image, inode, offset + INODE_BYTES + xattrs.length);
  }

  #writeData(image: Buffer, { node, dataBlock }: PlacedInode, tail: number): void {
    if (node.type === 'file') writeChunks(image, alignUp(tail, CHUNK_INDEX_BYTES), node);
    else if (node.type === 'directory') this.#writeDirectory(image, node, dataBlock * BLOCK_BYTES);
    else if (node.type !== 'symlink') return;
    else image.write(node.target, isInlineLink(node) ? tail : dataBlock * BLOCK_BYTES, 'latin1');
  }

  /** A block: an array of entries, then their names; sorted over all blocks, for the kernel's binary search. */
  #writeDirectory(image: Buffer, directory: DirectoryNode, start: number): void {
    let block = start;
    for (const names of directoryBlocks(this.#names.get(directory) ?? [])) {
      let nameOffset = names.length * DIRENT_BYTES;
      for (const [index, name] of names.entries()) {
        const child = this.#lookUp(directory, name);
        const at = block + index * DIRENT_BYTES;
        image.writeBigUInt64LE(BigInt(child.offset / INODE_SLOT_BYTES), at);
        image.writeUInt16LE(nameOffset, at + 8);
        image.writeUInt8(FILE_TYPES[child.node.type], at + 10);
        nameOffset += image.write(name, block + nameOffset, 'latin1');
      }
      block += BLOCK_BYTES;
    }
  }

  #lookUp(directory: DirectoryNode, name: ByteName): PlacedInode {
    const node =
      name === '.' ? directory : name === '..' ? this.#parents.get(directory) : directory.children.get(name);
    const inode = node && this.#inodes.get(node);
    if (!inode) throw layerError('layer-not-indexed', { details: { problem: `${name} has no inode` } });
    return inode;
  }
}

function byBytes(one: ByteName, other: ByteName): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** An inode never straddles a block, and neither does a link's target that follows it. */
function inodeOffset(end: number, xattrBytes: number, node: LayerNode): number {
  let offset = alignUp(end, INODE_BYTES);
  if (!isInlineLink(node)) return offset;
  const tailBytes = symlinkBytes(node);
  while (((offset + INODE_BYTES + xattrBytes) % BLOCK_BYTES) + tailBytes > BLOCK_BYTES) offset += INODE_BYTES;
  return offset;
}

function symlinkBytes(node: LayerNode): number {
  return node.type === 'symlink' ? node.target.length : 0;
}

/** Links with attributes are rare: theirs lie in a block, which always fits. */
function isInlineLink(node: LayerNode): boolean {
  return node.type === 'symlink' && node.xattrs.size === 0 && node.target.length <= BLOCK_BYTES - INODE_BYTES;
}

/** What follows the attributes: a link's target or the addresses of a file's chunks, which are aligned. */
function tailBytes(node: LayerNode, start: number): number {
  if (isInlineLink(node)) return symlinkBytes(node);
  if (node.type !== 'file' || node.sizeBytes === 0) return 0;
  return alignUp(start, CHUNK_INDEX_BYTES) - start + chunkCount(node.sizeBytes) * CHUNK_INDEX_BYTES;
}

function formatOf(node: LayerNode): number {
  if (node.type === 'file' && node.sizeBytes > 0) return FORMAT_CHUNKS;
  return isInlineLink(node) ? FORMAT_INLINE : FORMAT_PLAIN;
}

function dataField({ node, dataBlock }: PlacedInode): number {
  if (node.type === 'file')
    return node.sizeBytes === 0 ? 0 : CHUNK_FORMAT_INDEXES | chunkBits(node.sizeBytes);
  if (node.type === 'directory' || node.type === 'symlink') return dataBlock;
  if (node.type === 'fifo') return 0;
  return ((node.minor & 0xff) | (node.major << 8) | ((node.minor & ~0xff) << 12)) >>> 0;
}

/** Blocks of a chunk as a power of two: the smallest that holds the whole file. */
function chunkBits(sizeBytes: number): number {
  const blocks = Math.ceil(sizeBytes / BLOCK_BYTES);
  return Math.min(MAXIMUM_CHUNK_BITS, Math.ceil(Math.log2(blocks)));
}

function chunkCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / (BLOCK_BYTES * 2 ** chunkBits(sizeBytes)));
}

function writeChunks(
  image: Buffer,
  at: number,
  node: { readonly sizeBytes: number; readonly dataOffset: number },
): void {
  if (node.sizeBytes === 0) return;
  const blocksPerChunk = 2 ** chunkBits(node.sizeBytes);
  for (let chunk = 0; chunk < chunkCount(node.sizeBytes); chunk++) {
    image.writeUInt16LE(TAR_DEVICE_ID, at + chunk * CHUNK_INDEX_BYTES + 2);
    const block = node.dataOffset / BLOCK_BYTES + chunk * blocksPerChunk;
    image.writeUInt32LE(block, at + chunk * CHUNK_INDEX_BYTES + 4);
  }
}

function linkCount(node: LayerNode): number {
  if (node.type !== 'directory') return node.links;
  let count = 2;
  for (const child of node.children.values()) if (child.type === 'directory') count++;
  return count;
}

function directoryBlocks(names: readonly ByteName[]): ByteName[][] {
  const blocks: ByteName[][] = [];
  let block: ByteName[] = [];
  let bytes = 0;
  for (const name of names) {
    if (bytes + DIRENT_BYTES + name.length > BLOCK_BYTES) {
      blocks.push(block);
      block = [];
      bytes = 0;
    }
    block.push(name);
    bytes += DIRENT_BYTES + name.length;
  }
  blocks.push(block);
  return blocks;
}

function blockBytes(names: readonly ByteName[]): number {
  return names.reduce((sum, name) => sum + DIRENT_BYTES + name.length, 0);
}

/** struct erofs_xattr_ibody_header, then entries aligned to four bytes; nothing where there are none. */
function encodeXattrs(xattrs: ReadonlyMap<string, Buffer>): Buffer {
  if (xattrs.size === 0) return NO_BYTES;
  const parts: Buffer[] = [Buffer.alloc(XATTR_HEADER_BYTES)];
  for (const [name, value] of xattrs) {
    const [prefix, index] = XATTR_PREFIXES.find(([prefix]) => name.startsWith(prefix)) ?? ['', 0];
    const suffix = Buffer.from(name.slice(prefix.length));
    const entry = Buffer.alloc(alignUp(4 + suffix.length + value.length, 4));
    entry.writeUInt8(suffix.length, 0);
    entry.writeUInt8(index, 1);
    entry.writeUInt16LE(value.length, 2);
    suffix.copy(entry, 4);
    value.copy(entry, 4 + suffix.length);
    parts.push(entry);
  }
  return Buffer.concat(parts);
}

const NO_BYTES = Buffer.alloc(0);
