/**
 * rpm's database in SQLite (Fedora, Red Hat). It comes from an image and is not to be trusted: SQLite gets its bytes
 * alone, and may do nothing but read the one table, which must be a plain one.
 */
import { constants, DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { EngineError, messageOf } from '#base/errors.ts';
import type { FoundFile } from './package-file.ts';

const MAXIMUM_PACKAGES = 200_000;
const HEADER_BYTES = 64 << 20;
/** Rows before others have their turn. */
const AT_ONCE = 50;

/** @throws {EngineError} `invalid` for what SQLite does not understand, and for changes that are in a log beside it */
export async function* sqliteHeaders(file: FoundFile): AsyncGenerator<Buffer, void> {
  if ((await file.besides('-wal')).length > 0)
    throw refusal('there are changes that are not in the database yet: it was not closed');
  using database = openConfined(withoutLog(await file.read(0, file.sizeBytes)));
  let count = 0;
  for (const header of headersIn(database)) {
    if (++count > MAXIMUM_PACKAGES) throw refusal('it has too many packages');
    if (count % AT_ONCE === 0) await turn();
    yield header;
  }
}

/**
 * The file says that changes go into a log, which there can be none for a database in memory (sqlite.org/fileformat).
 */
function withoutLog(bytes: Buffer): Buffer {
  if (bytes.length < 100) throw refusal('it is too short');
  bytes[18] = 1;
  bytes[19] = 1;
  return bytes;
}

function openConfined(bytes: Buffer): DatabaseSync {
  using stack = new DisposableStack();
  const database = stack.use(new DatabaseSync(':memory:'));
  understood(() => {
    database.deserialize(bytes);
    if (!database.prepare(IS_PLAIN).get()) throw refusal('it has no plain table of packages');
    database.setAuthorizer((action, table, column) => {
      if (action === constants.SQLITE_SELECT) return constants.SQLITE_OK;
      const isHeader = action === constants.SQLITE_READ && table === 'Packages' && column === 'blob';
      return isHeader ? constants.SQLITE_OK : constants.SQLITE_DENY;
    });
  });
  stack.move();
  return database;
}

/** Views, virtual tables and generated columns can compute without end. */
const IS_PLAIN = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'Packages' AND rootpage > 0
  AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo('Packages') WHERE hidden <> 0)`;

function* headersIn(database: DatabaseSync): Generator<Buffer, void> {
  const rows = understood(() => database.prepare('SELECT blob FROM Packages').iterate());
  for (;;) {
    const { value, done } = understood(() => rows.next());
    if (done) return;
    const blob = value?.['blob'];
    if (blob instanceof Uint8Array && blob.length <= HEADER_BYTES) yield Buffer.from(blob);
  }
}

function understood<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw refusal(messageOf(error), error);
  }
}

function refusal(state: string, cause?: unknown): EngineError {
  return new EngineError('invalid', state, { cause });
}
