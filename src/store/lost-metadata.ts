/**
 * What an engine says in place of starting on data whose metadata are lost: everything in the root would belong to
 * nothing then, and be removed.
 */
import { closeSync, openSync, opendirSync, readSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { metadataPaths } from './metadata-paths.ts';
import { storeError } from './store-errors.ts';

/** What every SQLite database begins with (sqlite.org/fileformat.html, "Magic Header String"). */
const MAGIC = 'SQLite format 3\0';

/**
 * @param evidence what there cannot be without metadata; without any, a root without metadata is a new one
 * @throws {EngineError} `metadata-lost` where the database is missing or empty, `metadata-damaged` where it is none
 */
export function requireMetadata(root: string, evidence: readonly string[]): void {
  const { database } = metadataPaths(root);
  const begin = readBegin(database);
  if (begin === MAGIC) return;
  if (begin) throw damagedMetadata(root, 'it is no SQLite database');
  if (evidence.length === 0) return;
  throw lostMetadata(root, begin === undefined ? 'missing' : 'empty', evidence);
}

/**
 * The same for a database that is open: one that has no tables was made anew, or has lost its log.
 *
 * @throws {EngineError} `metadata-lost`
 */
export function requireTables(root: string, database: DatabaseSync, evidence: readonly string[]): void {
  if (evidence.length === 0) return;
  const table = database.prepare("SELECT name FROM sqlite_schema WHERE name = 'schema_versions'").get();
  if (!table) throw lostMetadata(root, 'empty', evidence);
}

function lostMetadata(root: string, state: 'missing' | 'empty', evidence: readonly string[]): EngineError {
  return storeError('metadata-lost', {
    subject: metadataPaths(root).database,
    details: { state, evidence: evidence.join(', '), advice: restoreAdvice(root) },
  });
}

export function damagedMetadata(root: string, problem: string, cause?: unknown): EngineError {
  const { database } = metadataPaths(root);
  return storeError('metadata-damaged', {
    subject: database,
    details: { problem, advice: restoreAdvice(root) },
    cause,
  });
}

/** Whether there is anything in a directory but what begins with a dot. */
export function hasData(directory: string): boolean {
  try {
    using entries = opendirSync(directory);
    for (let entry = entries.readSync(); entry; entry = entries.readSync())
      if (!entry.name.startsWith('.')) return true;
    return false;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

function restoreAdvice(root: string): string {
  const { database, log, sharedMemory, backup } = metadataPaths(root);
  const copiedAt = statSync(backup, { throwIfNoEntry: false })?.mtime;
  if (!copiedAt) return `there is no copy of it in ${backup}; restore it from a backup of this root`;
  const [broken, from, to] = [`${log} ${sharedMemory}`, backup, database];
  return `to go on with its copy of ${copiedAt.toISOString()}: rm -f ${broken} && cp ${from} ${to}`;
}

/** Undefined if there is no file. */
function readBegin(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(MAGIC.length);
      return bytes.toString('latin1', 0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
