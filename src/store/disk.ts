/**
 * What writing to the store's disk needs beyond `node:fs`: syncs off the event loop, and errors with the engine's
 * codes.
 */
import { close, fdatasync, fsync, open, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { unlessErrno } from '#base/errno.ts';
import { isErrno } from '#linux/errno.ts';
import { storeError } from './store-errors.ts';

const openAsync = promisify(open);
const closeAsync = promisify(close);
const fsyncAsync = promisify(fsync);

/** Contents and size of an open file reach the device (fdatasync(2)). */
export const syncData: (fd: number) => Promise<void> = promisify(fdatasync);

/** The same for a file that is not open. */
export async function syncFile(path: string): Promise<void> {
  const fd = await openAsync(path, 'r');
  try {
    await syncData(fd);
  } finally {
    await closeAsync(fd);
  }
}

/** Makes names that were created, renamed or removed in a directory survive power loss. */
export async function syncDirectory(path: string): Promise<void> {
  const fd = await openAsync(path, 'r');
  try {
    await fsyncAsync(fd);
  } finally {
    await closeAsync(fd);
  }
}

/** Turns a full disk or quota into `store-disk-full` and passes everything else through. */
export function diskError(error: unknown, subject: string): unknown {
  if (!isErrno(error, 'ENOSPC', 'EDQUOT')) return error;
  return storeError('store-disk-full', { subject, cause: error });
}

/** Removes a file that may be gone already. */
export function unlinkIfThere(path: string): void {
  unlessErrno(() => unlinkSync(path), 'ENOENT');
}

/** Renames what may be gone already. */
export function renameIfThere(from: string, to: string): void {
  unlessErrno(() => renameSync(from, to), 'ENOENT');
}

/** The names in a directory; none where it is missing. */
export function readNames(directory: string): readonly string[] {
  return unlessErrno(() => readdirSync(directory), 'ENOENT') ?? [];
}
