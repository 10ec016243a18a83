import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '#base/ids.ts';
import { isErrno } from '#linux/errno.ts';

/** What stays the same of the built-in networks for as long as the run-time directory does. */
export interface NetworkIdentity {
  /** RFC 3339. */
  readonly created: string;
  /** 64 hexadecimal digits. */
  readonly idOf: (network: string) => string;
}

/** Reads it from the run-time directory, or founds it there. */
export function networkIdentity(runDirectory: string): NetworkIdentity {
  mkdirSync(runDirectory, { recursive: true, mode: 0o710 });
  const file = join(runDirectory, 'identity');
  try {
    writeFileSync(file, newId(), { flag: 'wx' });
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  const seed = readFileSync(file, 'utf8');
  return {
    created: statSync(file).mtime.toISOString(),
    idOf: (network) => createHash('sha256').update(`${seed} ${network}`).digest('hex'),
  };
}
