import { readdirSync, readFileSync } from 'node:fs';

/**
 * Proportional set size of processes: counts shared pages once.
 *
 * @param isWanted of the command line; by default all
 */
export function pssMegabytes(isWanted: (command: string) => boolean = () => true): number {
  let kilobytes = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!isWanted(readFileSync(`/proc/${name}/cmdline`, 'latin1'))) continue;
      kilobytes += Number(
        /Pss:\s+(\d+) kB/.exec(readFileSync(`/proc/${name}/smaps_rollup`, 'utf8'))?.[1] ?? 0,
      );
    } catch {
      // It ended meanwhile.
    }
  }
  return kilobytes / 1024;
}
