/** The table of a synced directory on disk: what its data file holds, for the next process. */
import { open, rename } from 'node:fs/promises';
import { readIfThere } from '#linux/read-if-there.ts';
import type { StoredEntry } from './stored-entry.ts';

export interface Table {
  /** Its file's name. */
  readonly data: string;
  readonly endBytes: number;
  readonly entries: readonly StoredEntry[];
}

const VERSION = 1;

/** JSON, one line a file: numbers and texts in the order of {@link Row}. */
type Row = readonly [
  path: string,
  mode: number,
  sizeBytes: number,
  modifiedNs: string,
  dataOffset: number,
  storedBytes: number,
  digest: string,
];

/**
 * Stores the files that have contents; nothing need be known of the others. Replaces the table that is there, as a
 * whole.
 */
export async function writeTable(path: string, { data, endBytes, entries }: Table): Promise<void> {
  const lines = [JSON.stringify({ version: VERSION, data, endBytes })];
  for (const stored of entries) if (stored.storedBytes > 0) lines.push(JSON.stringify(rowOf(stored)));
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${lines.join('\n')}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Undefined where there is no table that can be used. */
export function readTable(path: string): Table | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const [head = '', ...lines] = text.trimEnd().split('\n');
    const { version, data, endBytes } = JSON.parse(head);
    if (version !== VERSION || !/^data-\d+$/.test(data) || !Number.isSafeInteger(endBytes)) return undefined;
    return { data, endBytes, entries: lines.map((line) => storedOf(JSON.parse(line))) };
  } catch {
    return undefined;
  }
}

const NO_XATTRS = {};

function rowOf({ entry, dataOffset, storedBytes, digest }: StoredEntry): Row {
  const { path, mode, sizeBytes, modifiedNs } = entry;
  const inBase64 = Buffer.from(digest, 'latin1').toString('base64');
  return [path, mode, sizeBytes, String(modifiedNs), dataOffset, storedBytes, inBase64];
}

function storedOf([path, mode, sizeBytes, modifiedNs, dataOffset, storedBytes, digest]: Row): StoredEntry {
  const none = { uid: 0, gid: 0, linkName: '', deviceMajor: 0, deviceMinor: 0, xattrs: NO_XATTRS };
  const entry = { path, mode, sizeBytes, modifiedNs: BigInt(modifiedNs), ...none };
  return { entry, dataOffset, storedBytes, digest: Buffer.from(digest, 'base64').toString('latin1') };
}
