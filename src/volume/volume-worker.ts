/** The thread for {@link VolumeTasks}. */
import { rmSync } from 'node:fs';
import { diskUsage } from '#layer/tree-walk.ts';
import { serveFileTasks } from '#linux/file-thread.ts';
import { copyUpHere } from './copy-up.ts';
import type { VolumeTasks } from './volume-tasks.ts';

serveFileTasks<VolumeTasks>({
  'copy-up': copyUpHere,
  usage: ({ path }) => diskUsage(path),
  delete: ({ path }) => rmSync(path, { recursive: true, force: true }),
});
