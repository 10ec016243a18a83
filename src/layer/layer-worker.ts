/** The thread behind {@link LayerWorkerPool}: one job at a time. */
import { rmSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { EngineError, type ErrorCode, messageOf } from '#base/errors.ts';
import { codeOfErrno } from '#linux/errno.ts';
import { findChanges } from './changes.ts';
import { writeDiff } from './diff-tar.ts';
import { extractTar } from './extract-tar.ts';
import { gzipFile } from './gzip-file.ts';
import { packTree } from './pack-tar.ts';
import { diskUsage } from './tree-walk.ts';
import { unpackBlob } from './unpack.ts';
import type { JobAnswer, JobKind, JobMessage, LayerJobs } from './worker-jobs.ts';

type Handlers = {
  readonly [Kind in JobKind]: (
    input: LayerJobs[Kind]['input'],
    aborted: Int32Array,
  ) => LayerJobs[Kind]['output'] | Promise<LayerJobs[Kind]['output']>;
};

const handlers: Handlers = {
  unpack: unpackBlob,
  'unpack-arriving': unpackBlob,
  changes: findChanges,
  diff: writeDiff,
  pack: packTree,
  extract: extractTar,
  gzip: gzipFile,
  usage: ({ path }) => diskUsage(path),
  delete: ({ path }) => rmSync(path, { recursive: true, force: true }),
};

parentPort?.on('message', (message: JobMessage) => {
  void answer(message).then((result) => parentPort?.postMessage(result, []));
});

async function answer<Kind extends JobKind>(message: JobMessage<Kind>): Promise<JobAnswer> {
  try {
    return { ok: true, output: await handlers[message.kind](message.input, message.aborted) };
  } catch (error) {
    return { ok: false, code: codeOf(error), message: messageOf(error) };
  }
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof EngineError) return error.code;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return codeOfErrno(code);
}
