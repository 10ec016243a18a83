import { readdirSync, readlinkSync } from 'node:fs';

/** What each thread of Node has; threads come and go with the work. */
const OF_THREADS = /^(pipe:|anon_inode:\[(eventpoll|io_uring|eventfd)\])/;

/** How many descriptors a process has open, without those that its threads need to be woken. */
export function countDescriptors(pid: number): number {
  const directory = `/proc/${pid}/fd`;
  const targets = readdirSync(directory).map((fd) => readLink(`${directory}/${fd}`));
  return targets.filter((target) => target !== undefined && !OF_THREADS.test(target)).length;
}

/** Undefined if it has been closed meanwhile. */
function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
