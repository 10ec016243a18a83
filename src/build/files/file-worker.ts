/** The thread behind {@link FileWorkers}: one job at a time. */
import { mkdirSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { EngineError, messageOf } from '#base/errors.ts';
import { codeOfErrno } from '#linux/errno.ts';
import { writeCopyLayer } from './copy-layer.ts';
import type { FileJobAnswer, FileJobKind, FileJobMessage, FileJobs } from './file-jobs.ts';
import { indexTar } from './index-tar.ts';
import { inTree } from './in-tree.ts';
import { checksumSources } from './tree-checksum.ts';

const handlers: {
  readonly [Kind in FileJobKind]: (input: FileJobs[Kind]['input']) => FileJobs[Kind]['output'];
} = {
  checksum: checksumSources,
  directory: ({ root, path }) => {
    inTree(root, () => mkdirSync(path, { recursive: true, mode: 0o755 }));
    return true;
  },
  index: indexTar,
  copy: (job) => {
    writeCopyLayer(job);
    return true;
  },
};

parentPort?.on('message', (message: FileJobMessage) => parentPort?.postMessage(answer(message), []));

function answer<Kind extends FileJobKind>({ kind, input }: FileJobMessage<Kind>): FileJobAnswer<Kind> {
  try {
    return { ok: true, output: handlers[kind](input) };
  } catch (error) {
    if (error instanceof EngineError) return { ok: false, code: error.code, message: error.message };
    const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { ok: false, code: codeOfErrno(errno), message: messageOf(error) };
  }
}
