import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { rewriteStartFailures } from './start-failures.ts';

const failure = (message: string) => ({ code: 'internal', message, details: {} });

test('the text of a failed start becomes an error, an empty one goes', () => {
  using database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE container_containers (sequence INTEGER PRIMARY KEY, progress TEXT NOT NULL)');
  const insert = database.prepare('INSERT INTO container_containers (progress) VALUES (?)');
  const exited = { status: 'exited', exitCode: 127, outOfMemory: false, startedAt: 'a', finishedAt: 'b' };
  const run = { process: { pid: 1, startTime: '2' } };
  const before = [
    { state: { status: 'created', exitCode: 0, error: '' } },
    { state: { ...exited, error: 'exec: "nope": not found' } },
    { state: { status: 'dead', before: { ...exited, error: 'x' } }, starting: { at: 'c', bootId: 'd' } },
    { state: { status: 'running', run } },
  ];
  for (const progress of before) insert.run(JSON.stringify(progress));
  rewriteStartFailures(database);
  const rows = database.prepare('SELECT progress FROM container_containers ORDER BY sequence').all();
  assert.deepEqual(
    rows.map(({ progress }) => JSON.parse(String(progress))),
    [
      { state: { status: 'created', exitCode: 0 } },
      { state: { ...exited, failure: failure('exec: "nope": not found') } },
      {
        state: { status: 'dead', before: { ...exited, failure: failure('x') } },
        starting: { at: 'c', bootId: 'd' },
      },
      { state: { status: 'running', run } },
    ],
  );
});
