import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '#base/ids.ts';
import { isErrno } from '#linux/errno.ts';
import type { NetworkRecord } from './network.ts';

/**
 * The identity that a network of the engine's own gets when it is first recorded. Before networks were records, it
 * was derived from a file in the run-time directory; containers that run show it still, so it is kept.
 */
export function firstIdentity(runDirectory: string, name: string): Pick<NetworkRecord, 'id' | 'createdAt'> {
  try {
    const file = join(runDirectory, 'identity');
    const seed = readFileSync(file, 'utf8');
    const id = createHash('sha256').update(`${seed} ${name}`).digest('hex');
    return { id, createdAt: statSync(file).mtime.toISOString() };
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    return { id: newId(), createdAt: new Date().toISOString() };
  }
}
