/** How it is found out that the files of a layer are not what they were. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { messageOf } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { encodeErofsIndex } from './erofs-index.ts';
import { throwIfAborted } from './inflate.ts';
import { type LayerRecord, layerPaths } from './layer-directory.ts';
import { scanTar } from './tar-scan.ts';

/** Reading a larger index would hold up the event loop; its damage is found when something reads it. */
const QUICKLY_READ_BYTES = 8 * 2 ** 20;
const READ_BYTES = 1 << 20;

/** What a layer's files have been since they were written. */
export interface LayerFacts {
  readonly tarBytes: number;
  /** CRC-32 of the index. */
  readonly indexCrc: number;
}

/** What is wrong with a layer, as far as it can be seen before each mount. Undefined: nothing. */
export function quickDamage(path: string, { kind, facts }: LayerRecord): string | undefined {
  const { tar, index, directory } = layerPaths(path);
  if (kind === 'directory') return existsSync(directory) ? undefined : 'its files are missing';
  try {
    const { size } = statSync(tar);
    if (facts && size !== facts.tarBytes) return `its tar has ${size} bytes, not ${facts.tarBytes}`;
    const isRead = facts && statSync(index).size <= QUICKLY_READ_BYTES;
    if (isRead && crc32(readFileSync(index)) !== facts.indexCrc) return 'its index is damaged';
    return undefined;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EIO')) return messageOf(error);
    throw error;
  }
}

export interface DamageJob {
  readonly path: string;
  readonly record: LayerRecord;
  readonly maximumEntries: number;
}

/**
 * What is wrong with a layer: reads all of it, and so is for worker threads. Of an extracted layer nothing tells what
 * its files were.
 */
export function findDamage(
  { path, record, maximumEntries }: DamageJob,
  aborted: Int32Array,
): string | undefined {
  const quick = quickDamage(path, record);
  if (quick !== undefined || record.kind === 'directory') return quick;
  const { tar, index } = layerPaths(path);
  try {
    if (hashFile({ path: tar }, aborted) !== record.diffId) return 'its tar is damaged';
    const stored = readFileSync(index);
    const isWhole = record.facts
      ? crc32(stored) === record.facts.indexCrc
      : stored.equals(indexOf(tar, maximumEntries));
    return isWhole ? undefined : 'its index is damaged';
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EIO')) return messageOf(error);
    throw error;
  }
}

function indexOf(path: string, maximumEntries: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    return encodeErofsIndex(scanTar(fd, { maximumEntries }), fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

/** The digest of a file. Blocks: for worker threads. */
export function hashFile({ path }: { readonly path: string }, aborted: Int32Array): Digest {
  const fd = openSync(path, 'r');
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      throwIfAborted(aborted);
      hash.update(buffer.subarray(0, length));
    }
    return parseDigest(`sha256:${hash.digest('hex')}`);
  } finally {
    closeSync(fd);
  }
}
