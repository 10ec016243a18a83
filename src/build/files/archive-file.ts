/** Archives among the files of ADD. */
import { createReadStream, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { constants as zlib, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { EngineError } from '#base/errors.ts';
import {
  decompressOutside,
  type Decompressor,
  isOutsideFormat,
  startDecompressor,
} from '#layer/outside-decompressor.ts';
import { isErrno } from '#linux/errno.ts';
import { detectCompression } from '#oci/compression.ts';
import { BLOCK_BYTES, decodeHeaderBlock, isZeroBlock } from '#oci/tar-header.ts';
import { openRegularFile } from './open-regular-file.ts';

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

/** The tar in a file, decompressed; not for compressions that need a program of the system. */
export async function openArchive(root: string, path: string): Promise<Readable> {
  const { fd } = openRegularFile(root, path);
  const head = Buffer.alloc(HEAD_BYTES);
  const format = detectCompression(head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0)));
  const file = createReadStream('', { fd, start: 0, highWaterMark: 1 << 18 });
  return isOutsideFormat(format) ? await decompressOutside(file, format) : file;
}

function readHead(root: string, path: string): Buffer | undefined {
  try {
    using file = openRegularFile(root, path);
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(file.fd, head, 0, HEAD_BYTES, 0));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return undefined;
    throw error;
  }
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
