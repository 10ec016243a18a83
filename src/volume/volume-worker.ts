/** The thread behind {@link VolumeThread}: one job at a time. */
import { rmSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { transferError } from '#base/error-transfer.ts';
import { EngineError, messageOf } from '#base/errors.ts';
import { diskUsage } from '#layer/tree-walk.ts';
import { codeOfErrno } from '#linux/errno.ts';
import { copyTree } from './tree-copy.ts';
import type { VolumeAnswer, VolumeJob } from './volume-thread.ts';

parentPort?.on('message', (job: VolumeJob) => parentPort?.postMessage(answer(job), []));

function answer(job: VolumeJob): VolumeAnswer {
  try {
    return { ok: true, bytes: run(job) };
  } catch (error) {
    if (error instanceof EngineError) return { ok: false, error: transferError(error) };
    const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { ok: false, error: { code: codeOfErrno(errno), message: messageOf(error), details: {} } };
  }
}

function run(job: VolumeJob): number {
  if (job.kind === 'usage') return diskUsage(job.path);
  if (job.kind === 'copy') copyTree(Buffer.from(job.source), Buffer.from(job.destination));
  else rmSync(job.path, { recursive: true, force: true });
  return 0;
}
