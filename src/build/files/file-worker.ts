/** The thread behind {@link FileWorkers}: one job at a time. */
import { parentPort } from 'node:worker_threads';
import { EngineError, messageOf } from '#base/errors.ts';
import { diskUsage } from '#layer/tree-walk.ts';
import { codeOfErrno } from '#linux/errno.ts';
import { ChannelWriter } from '#layer/byte-channel.ts';
import { FileSink } from '#layer/file-sink.ts';
import { changeFile } from './change-file.ts';
import { writeCopyLayer } from './copy-layer.ts';
import type { FileJobAnswer, FileJobKind, FileJobMessage, FileJobs } from './file-jobs.ts';
import { findIgnored } from './find-ignored.ts';
import { indexTar } from './index-tar.ts';
import { inTree } from './in-tree.ts';
import { listDirectory, readFile, statFile } from './look-at.ts';
import { SourceSelector } from './source-paths.ts';
import { writeSquashedLayer } from './squash-layer.ts';
import { writeTreeDiff } from './tree-diff.ts';
import { checksumSources } from './tree-checksum.ts';

const handlers: {
  readonly [Kind in FileJobKind]: (input: FileJobs[Kind]['input']) => FileJobs[Kind]['output'];
} = {
  checksum: checksumSources,
  find: (selection) =>
    inTree(selection.source, () =>
      new SourceSelector(selection)
        .find()
        .map(({ path, name, isDirectory }) => ({ path, name, isDirectory })),
    ),
  read: readFile,
  list: listDirectory,
  stat: statFile,
  ignored: findIgnored,
  usage: ({ path }) => diskUsage(path),
  index: indexTar,
  change: (job) => {
    changeFile(job);
    return true;
  },
  diff: (job) => {
    writeTreeDiff(job);
    return true;
  },
  squash: (job) => {
    writeSquashedLayer(job);
    return true;
  },
  copy: (job) => {
    writeCopyLayer(job, new ChannelWriter(job));
    return true;
  },
  'copy-file': (job) => {
    using sink = new FileSink(job.path, job.aborted);
    writeCopyLayer(job, sink);
    return sink.finish();
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
