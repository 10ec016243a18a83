import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { isEngineError } from '#base/errors.ts';
import type { BlobInfo } from '#store/content.ts';
import { BLOCK_BYTES, GZIP_HEADER_BYTES, gzipBlocks } from './gzip-file.ts';
import { failGzip, followGzip, newGzipState } from './gzip-turns.ts';
import type { LayerWorkerPool } from './worker-pool.ts';
import { layerError } from './layer-errors.ts';

export interface GzipFiles {
  readonly sourcePath: string;
  /** An empty file; what it holds after a failure is of no use. */
  readonly targetPath: string;
}

export interface GzipOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Compresses a file into another on as many cores as there are; equal files give equal bytes. */
export async function gzipOnAllCores(
  workers: LayerWorkerPool,
  files: GzipFiles,
  { signal, onProgress }: GzipOptions,
): Promise<BlobInfo> {
  const { size } = await stat(files.sourcePath);
  const threads = Math.min(availableParallelism(), gzipBlocks(size));
  const state = newGzipState(GZIP_HEADER_BYTES);
  const ending = new AbortController();
  const options = { signal: AbortSignal.any([signal, ending.signal]) };
  const jobs = Array.from({ length: threads }, (_, index) =>
    workers.run('gzip', { ...files, state, isLast: index === 0 }, options),
  );
  for (const job of jobs) job.catch(() => failGzip(state));
  if (onProgress)
    void followGzip(state, ending.signal, (blocks) => onProgress(Math.min(size, blocks * BLOCK_BYTES), size));
  try {
    const packed = await jobs[0];
    if (packed) return packed;
    throw layerError('layer-not-compressed', { details: { problem: 'no thread completed it' } });
  } catch (error) {
    // All are waited for: the thread that failed first may report last.
    failGzip(state);
    throw await causeOf(jobs, error);
  } finally {
    // Threads that had no turn yet have nothing to do any more.
    ending.abort();
  }
}

/** The reason of the failure: a thread that gave up because of another one has none. */
async function causeOf(jobs: readonly Promise<unknown>[], told: unknown): Promise<unknown> {
  const settled = await Promise.allSettled(jobs);
  const reasons = settled.flatMap((job): unknown[] => (job.status === 'rejected' ? [job.reason] : []));
  return reasons.find((reason) => reason !== told && !isEngineError(reason, 'aborted')) ?? told;
}
