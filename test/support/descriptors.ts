import { readdirSync, readlinkSync } from 'node:fs';

/** What each thread of Node needs to be woken; threads come and go with the work. */
const OF_THREADS = /^anon_inode:\[(eventpoll|io_uring|eventfd)\]/;

/**
 * How many descriptors a process has open, without those of its threads: a pipe of which it has both ends is one of
 * these, too.
 */
export function countDescriptors(pid: number): number {
  const directory = `/proc/${pid}/fd`;
  const targets = readdirSync(directory).flatMap((fd) => readLink(`${directory}/${fd}`) ?? []);
  const ends = Map.groupBy(targets, (target) => target);
  return targets.filter((target) => !OF_THREADS.test(target) && !isOwnPipe(target, ends)).length;
}

function isOwnPipe(target: string, ends: ReadonlyMap<string, readonly string[]>): boolean {
  return target.startsWith('pipe:') && (ends.get(target)?.length ?? 0) > 1;
}

/** Undefined if it has been closed meanwhile. */
function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
