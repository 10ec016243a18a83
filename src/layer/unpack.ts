/**
 * The worker's part of unpacking a layer: from the blob to everything the layer consists of, in a staging directory.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fdatasyncSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { crc32 } from 'node:zlib';
import type { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { syncFilesystem } from '#linux/files.ts';
import type { Digest } from '#oci/digest.ts';
import { arrivingChunks, type ArrivingSource } from '#store/arriving-file.ts';
import { writeDirectoryImage } from './directory-image.ts';
import { encodeErofsIndex } from './erofs-index.ts';
import { fileChunks, inflate, throwIfAborted, tooLarge } from './inflate.ts';
import type { LayerFacts } from './layer-damage.ts';
import type { Layer, UnpackRequest } from './layer.ts';
import { layerPaths, type LayerPaths, writeLayerRecord } from './layer-directory.ts';
import type { LayerTree } from './layer-tree.ts';
import { scanTar } from './tar-scan.ts';
import { layerError } from './layer-errors.ts';

export interface LayerLimits {
  /** Bytes of the uncompressed tar. */
  readonly maximumLayerBytes: number;
  readonly maximumEntries: number;
}

export interface UnpackJob {
  readonly blob: Digest;
  readonly blobPath: string;
  readonly compression: UnpackRequest['compression'];
  /** Refuse anything else. */
  readonly diffId?: Digest;
  /** An empty directory of the layer store. */
  readonly staging: string;
  /** What to make of it, where the archive allows. */
  readonly kind: Layer['kind'];
  readonly limits: LayerLimits;
}

export interface UnpackArrivingJob extends UnpackJob {
  readonly source: Omit<ArrivingSource, 'finalPath'>;
}

export interface UnpackResult {
  readonly diffId: Digest;
  readonly sizeBytes: number;
  readonly kind: Layer['kind'];
  readonly facts?: LayerFacts;
}

/**
 * Leaves a whole layer in the staging directory, or throws; the caller discards the directory then. Files of an EROFS
 * layer are the caller's to sync, which needs no thread like this one; names become durable with the rename that makes
 * the layer visible, by the sync of the directory above.
 *
 * @throws {EngineError} `invalid` if the archive is hostile or is not what its diff ID says
 */
export async function unpackBlob(
  job: UnpackJob | UnpackArrivingJob,
  aborted: Int32Array,
): Promise<UnpackResult> {
  const paths = layerPaths(job.staging);
  const diffId = await materializeTar(job, paths.tar, aborted);
  if (job.diffId !== undefined && job.diffId !== diffId) throw mismatch(job.diffId, diffId);
  const tar = openSync(paths.tar, 'r');
  try {
    const tree = scanTar(tar, job.limits);
    const kind = job.kind === 'erofs' && !tree.hasSparseFiles ? 'erofs' : 'directory';
    const facts = kind === 'erofs' ? storeIndex(tree, tar, paths) : undefined;
    if (!facts) storeDirectory(tree, tar, paths, aborted);
    const result: UnpackResult = { diffId, sizeBytes: tree.sizeBytes, kind, ...(facts && { facts }) };
    writeLayerRecord(job.staging, { ...result, blob: job.blob, compression: job.compression });
    return result;
  } finally {
    closeSync(tar);
  }
}

/** A plain blob is its own tar, which the content store has verified; it is shared, not copied. */
async function materializeTar(
  job: UnpackJob | UnpackArrivingJob,
  tar: string,
  aborted: Int32Array,
): Promise<Digest> {
  if (job.compression === 'none') {
    const { maximumLayerBytes } = job.limits;
    shareBlob(job, tar);
    if (statSync(tar).size > maximumLayerBytes) throw tooLarge(maximumLayerBytes);
    return job.blob;
  }
  const targetFd = openSync(tar, 'wx', 0o600);
  try {
    const { blobPath, compression } = job;
    const source =
      'source' in job ? arrivingChunks({ ...job.source, finalPath: blobPath }) : fileChunks(blobPath);
    const maximumBytes = job.limits.maximumLayerBytes;
    return await inflate({ source, compression, targetFd, maximumBytes, aborted });
  } finally {
    closeSync(targetFd);
  }
}

/** Committing renames it at some moment. */
function shareBlob(job: UnpackJob | UnpackArrivingJob, tar: string): void {
  try {
    shareFile('source' in job ? job.source.path : job.blobPath, tar);
  } catch (error) {
    if (!('source' in job) || !isErrno(error, 'ENOENT')) throw error;
    shareFile(job.blobPath, tar);
  }
}

function shareFile(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if (!isErrno(error, 'EXDEV', 'EPERM', 'EMLINK')) throw error;
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
    syncFile(target);
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function storeIndex(tree: LayerTree, tar: number, paths: LayerPaths): LayerFacts {
  const tarBytes = fstatSync(tar).size;
  const index = encodeErofsIndex(tree, tarBytes);
  writeFileSync(paths.index, index, { flag: 'wx' });
  return { tarBytes, indexCrc: crc32(index) };
}

function storeDirectory(tree: LayerTree, tar: number, paths: LayerPaths, aborted: Int32Array): void {
  mkdirSync(paths.directory, 0o755);
  writeDirectoryImage(tree, tar, paths.directory, () => throwIfAborted(aborted));
  unlinkSync(paths.tar);
  const fd = openSync(paths.directory, 'r');
  try {
    syncFilesystem(fd);
  } finally {
    closeSync(fd);
  }
}

function mismatch(expected: Digest, actual: Digest): EngineError {
  return layerError('layer-content-differs', { subject: expected, details: { actual } });
}
