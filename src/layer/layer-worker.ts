/** The thread behind {@link LayerWorkerPool}. */
import { rmSync } from 'node:fs';
import { serveFileTasks } from '#linux/file-thread.ts';
import { findChanges } from './changes.ts';
import { writeDiff } from './diff-tar.ts';
import { extractTar } from './extract-tar.ts';
import { gzipFile } from './gzip-file.ts';
import { findDamage, hashFile } from './layer-damage.ts';
import { packTree } from './pack-tar.ts';
import { lookAtPath } from './path-look.ts';
import { diskUsage } from './tree-walk.ts';
import { unpackBlob } from './unpack.ts';
import type { LayerJobs } from './worker-jobs.ts';

serveFileTasks<LayerJobs>({
  unpack: unpackBlob,
  'unpack-arriving': unpackBlob,
  changes: findChanges,
  diff: writeDiff,
  look: lookAtPath,
  pack: packTree,
  extract: extractTar,
  gzip: gzipFile,
  damage: findDamage,
  hash: hashFile,
  usage: ({ path }) => diskUsage(path),
  delete: ({ path }) => rmSync(path, { recursive: true, force: true }),
});
