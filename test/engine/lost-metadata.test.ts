/** A root that has lost its database is left as it is, and the daemon says how to go on. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';

let engine: TestDaemon;
let database: string;
const ok = (...args: readonly string[]) => dockerOk(engine, args);

before(async () => {
  engine = await TestDaemon.start('--network-pool', '1');
  database = join(engine.root, 'metadata.db');
  await importBusybox(engine);
  await ok('run', '--name', 'ended', 'bb', 'echo', 'what it said');
  await ok('run', '-d', '--name', 'runs', 'bb', 'sleep', '1000');
});

after(() => engine[Symbol.asyncDispose]());

/** Every name below the root but for the database's own files. */
function files(): readonly string[] {
  return readdirSync(engine.root, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('metadata.db') && !name.startsWith('lock'))
    .toSorted();
}

/** What a daemon says that does not start. */
async function refusal(): Promise<string> {
  const error: unknown = await engine.start().then(
    () => assert.fail('it started'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error.message;
}

/** The command that the refusal says, which is for a shell. */
function commandIn(text: string): string {
  return /: (rm -f .* && cp .*)$/m.exec(text)?.[1] ?? assert.fail(`no command in: ${text}`);
}

async function everythingIsThere(): Promise<void> {
  assert.equal(await ok('ps', '-a', '--format', '{{.Names}} {{.State}}'), 'runs running\nended exited');
  assert.equal(await ok('logs', 'ended'), 'what it said');
  assert.equal(await ok('exec', 'runs', 'echo', 'fine'), 'fine');
  assert.equal(await ok('run', '--rm', 'bb', 'echo', 'fine'), 'fine');
}

const LOSSES: readonly (readonly [what: string, says: RegExp, lose: () => void])[] = [
  [
    'missing',
    /metadata\.db: it is missing, but .*blobs.*snapshots.*containers that run/,
    () => rmSync(database),
  ],
  ['cut to nothing', /metadata\.db: it is empty, but /, () => truncateSync(database, 0)],
  [
    'made anew, without tables',
    /metadata\.db: it is empty, but /,
    () => {
      rmSync(database);
      using made = new DatabaseSync(database);
      made.exec('PRAGMA user_version = 1');
    },
  ],
  [
    'something else',
    /metadata\.db: it is no SQLite database\. Nothing was changed/,
    () => writeFileSync(database, 'x'.repeat(8192)),
  ],
  [
    'damaged',
    /metadata\.db: .*(malformed|not a database).* Nothing was changed/,
    () => writeFileSync(database, `SQLite format 3\0${'x'.repeat(8192)}`),
  ],
];

for (const [what, says, lose] of LOSSES) {
  test(`the database is ${what}: the daemon refuses to start, and tells how to go on with the copy`, async () => {
    await engine.stop();
    const before = files();
    lose();
    const refused = await refusal();
    assert.match(refused, says);
    assert.match(await refusal(), says, 'the first refusal has not changed anything');
    assert.deepEqual(files(), before, 'nothing else has gone');
    execFileSync('sh', ['-c', commandIn(refused)]);
    await engine.start();
    await everythingIsThere();
  });
}

test('without a copy it says so, and starts once the database is back', async () => {
  await engine.stop();
  const [away, copy] = [`${database}.away`, `${database}.backup`];
  renameSync(database, away);
  rmSync(copy);
  assert.match(await refusal(), /there is no copy of it in .*metadata\.db\.backup; restore it from a backup/);
  renameSync(away, database);
  await engine.start();
  await everythingIsThere();
});

test('a root whose file system is not mounted: containers that run keep a new root from being made', async () => {
  await engine.stop();
  const away = `${engine.root}.away`;
  renameSync(engine.root, away);
  assert.match(await refusal(), /it is missing, but .*containers that run in /);
  rmSync(engine.root, { recursive: true });
  renameSync(away, engine.root);
  await engine.start();
  await everythingIsThere();
});

test('the copy is whole, and its own: a stop makes it, a crash leaves the former one', async () => {
  await engine.stop();
  assert.deepEqual(containersIn(`${database}.backup`), ['ended', 'runs']);
  await engine.start();
  await ok('create', '--name', 'later', 'bb', 'true');
  await engine.kill();
  assert.deepEqual(containersIn(`${database}.backup`), ['ended', 'runs']);
  await engine.start();
  await engine.stop();
  assert.deepEqual(containersIn(`${database}.backup`), ['ended', 'later', 'runs']);
  assert.ok(!existsSync(`${database}.backup.new`));
  await engine.start();
  await ok('rm', 'later');
});

function containersIn(path: string): readonly unknown[] {
  const copy = join(engine.directory, 'looked-at.db');
  cpSync(path, copy);
  using reader = new DatabaseSync(copy, { readOnly: true });
  return reader
    .prepare('SELECT name FROM container_containers ORDER BY name')
    .all()
    .map(({ name }) => name);
}
