import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { until } from '#base/testing.ts';
import { backUpDatabase, MetadataBackup } from './metadata-backup.ts';
import { SqliteMetadata } from './sqlite-metadata.ts';

const PETS = { domain: 'pet', steps: ['CREATE TABLE pet_names (name TEXT PRIMARY KEY) STRICT'] };
const INTERVAL_MS = 5 * 60_000;

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'caisson-backup-'));
});
afterEach(() => {
  mock.timers.reset();
  rmSync(root, { recursive: true });
});

const backup = () => join(root, 'metadata.db.backup');

function copiedNames(): readonly unknown[] {
  using copy = new DatabaseSync(backup());
  return copy
    .prepare('SELECT name FROM pet_names')
    .all()
    .map(({ name }) => name);
}

describe('MetadataBackup', () => {
  it('copies every few minutes what has changed, and nothing when nothing has', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    using metadata = new SqliteMetadata(root, [PETS]);
    await using _ = new MetadataBackup(root, metadata.database, silentLogger);
    metadata.database.exec("INSERT INTO pet_names VALUES ('rex')");
    assert.ok(!existsSync(backup()));
    mock.timers.tick(INTERVAL_MS);
    await until(() => existsSync(backup()), 'it is copied');
    assert.deepEqual(copiedNames(), ['rex']);
    const { ino } = statSync(backup());
    metadata.database.exec("INSERT INTO pet_names VALUES ('two')");
    await until(() => {
      mock.timers.tick(INTERVAL_MS);
      return statSync(backup()).ino !== ino;
    }, 'it is copied again');
    assert.deepEqual(copiedNames(), ['rex', 'two']);
  });

  it('makes the copy at its end, and leaves nothing else', async () => {
    using metadata = new SqliteMetadata(root, [PETS]);
    {
      await using _ = new MetadataBackup(root, metadata.database, silentLogger);
    }
    assert.deepEqual(copiedNames(), []);
    assert.deepEqual(
      readdirSync(root).filter((name) => name.includes('backup')),
      ['metadata.db.backup'],
    );
  });

  it('keeps the former copy where the database cannot be read', () => {
    {
      using metadata = new SqliteMetadata(root, [PETS]);
      metadata.database.exec("INSERT INTO pet_names VALUES ('rex')");
      backUpDatabase(join(root, 'metadata.db'));
    }
    writeFileSync(join(root, 'metadata.db'), 'no database');
    assert.throws(() => backUpDatabase(join(root, 'metadata.db')), /not a database/);
    assert.deepEqual(copiedNames(), ['rex']);
  });
});
