import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import type { Migrations } from './metadata.ts';
import { SqliteMetadata } from './sqlite-metadata.ts';

const PETS: Migrations = { domain: 'pet', steps: ['CREATE TABLE pet_names (name TEXT PRIMARY KEY) STRICT'] };

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'caisson-metadata-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function names(metadata: SqliteMetadata): unknown[] {
  return metadata.database
    .prepare('SELECT name FROM pet_names ORDER BY name')
    .all()
    .map((row) => row['name']);
}

function add(metadata: SqliteMetadata, ...added: readonly string[]): void {
  const insert = metadata.database.prepare('INSERT INTO pet_names VALUES (?)');
  metadata.transaction(() => added.forEach((name) => insert.run(name)));
}

const LARGE_LOG_BYTES = 8 << 20;

/** Enough of it that it is moved once it is durable. */
function addLargeLog(metadata: SqliteMetadata): void {
  for (let index = 0; index < 30; index++) add(metadata, index + 'x'.repeat(400_000));
}

const logSize = () => statSync(join(root, 'metadata.db-wal')).size;
const isMoving = () => statSync(join(root, 'metadata.db')).size >= LARGE_LOG_BYTES;

const inUse = (error: unknown) =>
  isEngineError(error, 'conflict') && error.message.includes(`process ${process.pid}`);

describe('SqliteMetadata', () => {
  it('migrates step by step and keeps what was committed', async () => {
    {
      using metadata = new SqliteMetadata(root, [PETS]);
      add(metadata, 'rex');
      await metadata.durable();
    }
    const more = { domain: 'pet', steps: [...PETS.steps, "INSERT INTO pet_names VALUES ('two')"] };
    {
      using metadata = new SqliteMetadata(root, [more]);
      assert.deepEqual(names(metadata), ['rex', 'two']);
    }
    assert.throws(
      () => new SqliteMetadata(root, [PETS]),
      (error) => isEngineError(error, 'conflict') && /newer version/.test(error.message),
    );
    using metadata = new SqliteMetadata(root, [more, { domain: 'other', steps: [] }]);
    assert.deepEqual(names(metadata), ['rex', 'two']);
  });

  it('rolls back what throws', () => {
    using metadata = new SqliteMetadata(root, [PETS]);
    assert.throws(() => add(metadata, 'a', 'a'), /UNIQUE/);
    assert.deepEqual(names(metadata), []);
  });

  it('lets one engine in, and says who has it', () => {
    {
      using _ = new SqliteMetadata(root, [PETS]);
      assert.throws(() => new SqliteMetadata(root, [PETS]), inUse);
      const script = `
        import { SqliteMetadata } from ${JSON.stringify(new URL('sqlite-metadata.ts', import.meta.url).href)};
        try { new SqliteMetadata(${JSON.stringify(root)}, []) } catch (error) { console.log(error.code, error.message) }`;
      const other = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
      assert.match(
        other.stdout,
        new RegExp(`^conflict Cannot open .*: in use by process ${process.pid}`),
        other.stderr,
      );
      assert.throws(() => new SqliteMetadata(root, [PETS]), inUse);
    }
    new SqliteMetadata(root, [PETS])[Symbol.dispose]();
  });

  it('survives the death of its process', () => {
    const script = `
      import { SqliteMetadata } from ${JSON.stringify(new URL('sqlite-metadata.ts', import.meta.url).href)};
      const metadata = new SqliteMetadata(${JSON.stringify(root)}, [${JSON.stringify(PETS)}]);
      metadata.transaction(() => metadata.database.exec("INSERT INTO pet_names VALUES ('kept')"));
      await metadata.durable();
      metadata.database.exec("BEGIN IMMEDIATE; INSERT INTO pet_names VALUES ('lost')");
      process.kill(process.pid, 'SIGKILL');`;
    spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    using metadata = new SqliteMetadata(root, [PETS]);
    assert.deepEqual(names(metadata), ['kept']);
  });

  it('syncs once for all that wait', async () => {
    using metadata = new SqliteMetadata(root, [PETS]);
    const waits = Array.from({ length: 100 }, (_, index) => {
      add(metadata, `n${index}`);
      return metadata.durable();
    });
    assert.equal(new Set(waits).size, 1);
    await Promise.all(waits);
  });

  it('moves a large log into the database meanwhile', async () => {
    using metadata = new SqliteMetadata(root, [PETS]);
    addLargeLog(metadata);
    await metadata.durable();
    for (let waited = 0; logSize() >= LARGE_LOG_BYTES; waited += 20) {
      assert.ok(waited < 120_000, 'the log was not moved, or kept its size and would be moved again at once');
      await setTimeout(20);
      add(metadata, `later ${waited}`);
    }
    assert.ok(statSync(join(root, 'metadata.db')).size >= LARGE_LOG_BYTES);
  });

  it('lets no writer wait for a log that is being moved', async () => {
    using metadata = new SqliteMetadata(root, [PETS]);
    addLargeLog(metadata);
    {
      // What waits for the disk or a reader, here, must not hold the lock of writers: they have no patience.
      using reader = new DatabaseSync(join(root, 'metadata.db'));
      reader.exec('BEGIN; SELECT * FROM pet_names LIMIT 1');
      metadata.database.exec('PRAGMA busy_timeout = 0');
      add(metadata, 'not yet seen by the reader');
      await metadata.durable();
      for (let waited = 0; waited < 300 || !isMoving(); waited += 5) {
        assert.ok(waited < 120_000, 'the log was not moved');
        add(metadata, `meanwhile ${waited}`);
        await setTimeout(5);
      }
      reader.exec('ROLLBACK');
    }
  });

  it('reports a full disk and stays usable', () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root]);
    try {
      using metadata = new SqliteMetadata(root, [PETS]);
      add(metadata, 'kept');
      assert.throws(
        () => add(metadata, 'x'.repeat(2 << 20)),
        (error) => isEngineError(error, 'exhausted') && /no space left on device/.test(error.message),
      );
      assert.deepEqual(names(metadata), ['kept']);
      add(metadata, 'more');
    } finally {
      execFileSync('umount', [root]);
    }
  });
});
