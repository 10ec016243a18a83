/** Archives among the files of ADD. */
import { createReadStream, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { constants as zlib, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { EngineError } from '#base/errors.ts';
import {
  decompressOutside,
  type Decompressor,
  isOutsideFormat,
  startDecompressor,
} from '#layer/outside-decompressor.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { detectCompression } from '#oci/compression.ts';
import { BLOCK_BYTES, decodeHeaderBlock, isZeroBlock } from '#oci/tar-header.ts';

/** Enough of a compressed file for its first 512 bytes to come out of it. */
const HEAD_BYTES = 1 << 17;

/** True for a tar, compressed or not: what ADD unpacks. Judged by its first bytes; links stay in the root. */
export async function isArchive(root: string, path: string): Promise<boolean> {
  const head = readHead(root, path);
  if (!head) return false;
  const block = await firstBlock(head);
  if (!block || block.length < BLOCK_BYTES || isZeroBlock(block)) return false;
  try {
    decodeHeaderBlock(block);
    return true;
  } catch {
    return false;
  }
}

/** The tar in a file: without the compressions that nothing but a program of the system takes off. */
export async function openArchive(root: string, path: string): Promise<Readable> {
  const fd = openFile(root, path);
  const head = Buffer.alloc(HEAD_BYTES);
  const format = detectCompression(head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0)));
  const file = createReadStream('', { fd, start: 0, highWaterMark: 1 << 18 });
  return isOutsideFormat(format) ? await decompressOutside(file, format) : file;
}

function readHead(root: string, path: string): Buffer | undefined {
  try {
    const fd = openFile(root, path);
    using _owned = ownFd(fd);
    if (!fstatSync(fd).isFile()) return undefined;
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENXIO')) return undefined;
    throw error;
  }
}

function openFile(root: string, path: string): number {
  using rootFd = ownFd(openDirectory(root));
  using file = ownFd(openInRoot(rootFd.fd, path, constants.O_RDONLY | constants.O_NONBLOCK));
  return openSync(`/proc/self/fd/${file.fd}`, 'r');
}

async function firstBlock(head: Buffer): Promise<Buffer | undefined> {
  const format = detectCompression(head);
  try {
    if (format === 'none') return head.subarray(0, BLOCK_BYTES);
    if (format === 'gzip') return gunzipSync(head, { finishFlush: zlib.Z_SYNC_FLUSH });
    if (format === 'zstd') return zstdDecompressSync(head, { finishFlush: zlib.ZSTD_e_flush });
    return await firstOutput(await startDecompressor(format), head);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    return undefined;
  }
}

async function firstOutput(child: Decompressor, head: Buffer): Promise<Buffer | undefined> {
  child.stdin.end(head);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout) {
      chunks.push(chunk);
      if (chunks.reduce((sum, { length }) => sum + length, 0) >= BLOCK_BYTES) break;
    }
    return Buffer.concat(chunks);
  } finally {
    child.kill('SIGKILL');
  }
}
