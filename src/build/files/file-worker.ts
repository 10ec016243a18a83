/** The thread behind {@link FileWorkers}. */
import { diskUsage } from '#layer/tree-walk.ts';
import { ChannelWriter } from '#layer/byte-channel.ts';
import { FileSink } from '#layer/file-sink.ts';
import { serveFileTasks } from '#linux/file-thread.ts';
import { changeFile } from './change-file.ts';
import { writeCopyLayer } from './copy-layer.ts';
import type { FileJobs } from './file-jobs.ts';
import { findIgnored } from './find-ignored.ts';
import { indexTar } from './index-tar.ts';
import { inTree } from './in-tree.ts';
import { listDirectory, readFile, statFile } from './look-at.ts';
import { SourceSelector } from './source-paths.ts';
import { writeSquashedLayer } from './squash-layer.ts';
import { writeTreeDiff } from './tree-diff.ts';
import { checksumSources } from './tree-checksum.ts';

serveFileTasks<FileJobs>({
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
});
