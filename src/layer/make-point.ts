import { mkdirSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { unlessErrno } from '#base/errno.ts';
import { followLinks } from './follow-links.ts';

/**
 * In a jail: makes a directory, or an empty file, where nothing is, with the directories above it. Links are followed,
 * also one that leads to nothing yet.
 *
 * @returns where it is
 */
export function makePoint(path: string, isDirectory: boolean): string {
  const real = followLinks(path);
  mkdirSync(isDirectory ? real : posix.dirname(real), { recursive: true, mode: 0o755 });
  if (isDirectory) return real;
  unlessErrno(() => writeFileSync(real, '', { flag: 'wx', mode: 0o755 }), 'EEXIST');
  return real;
}
