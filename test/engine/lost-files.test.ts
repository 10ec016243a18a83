/** Parts of a root are lost while no daemon runs: containers are dead, told, and nothing else disappears. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';

let engine: TestDaemon;
const ids = new Map<string, string>();
const ok = (...args: readonly string[]) => dockerOk(engine, args);
const inspect = (name: string, field: string) => ok('inspect', '-f', `{{${field}}}`, name);
const NAMES = ['created', 'ended', 'runs', 'other'];

before(async () => {
  engine = await TestDaemon.start('--network-pool', '1');
  await importBusybox(engine);
  await ok('create', '--name', 'created', 'bb', 'echo', 'at last');
  await docker(engine, [
    'run',
    '--name',
    'ended',
    'bb',
    'sh',
    '-c',
    'echo what it said; echo own > /own; exit 3',
  ]);
  await ok('run', '-d', '--name', 'runs', 'bb', 'sleep', '1000');
  await ok('run', '--name', 'base', 'bb', 'touch', '/x');
  await ok('commit', 'base', 'derived');
  await ok('rm', 'base');
  await ok('run', '--name', 'other', 'derived', 'echo', 'other words');
  for (const name of NAMES) ids.set(name, await inspect(name, '.Id'));
});

after(() => engine[Symbol.asyncDispose]());

/** What is below the root of images, containers and their logs; directories alone, since databases change. */
function kept(): readonly string[] {
  return ['snapshots', 'containers', 'content/blobs/sha256', 'layers'].flatMap((directory) =>
    readdirSync(join(engine.root, directory))
      .filter((name) => !name.startsWith('.'))
      .map((name) => `${directory}/${name}`),
  );
}

const snapshot = (name: string) => join(engine.root, 'snapshots', ids.get(name) ?? '');

/** The layer that only `other` stands on, and the one of all. */
function layerOf(name: string, index: number): string {
  const layers = readlinkSync(join(snapshot(name), 'layers-0')).split(',');
  return join(engine.root, 'layers', layers.at(index) ?? '');
}

interface Loss {
  readonly what: string;
  /** What is moved away, and then back. */
  readonly paths: () => readonly string[];
  readonly dead: readonly string[];
  readonly says: RegExp;
}

const LOSSES: readonly Loss[] = [
  {
    what: 'all snapshots',
    paths: () => [join(engine.root, 'snapshots')],
    dead: ['created', 'ended', 'other'],
    says: /^Cannot use container [0-9a-f]{64}: its snapshot is lost: it is missing$/,
  },
  {
    what: 'one snapshot',
    paths: () => [snapshot('ended')],
    dead: ['ended'],
    says: /: its snapshot is lost: it is missing$/,
  },
  {
    what: 'the record of a snapshot',
    paths: () => [join(snapshot('ended'), 'record')],
    dead: ['ended'],
    says: /: its record is missing$/,
  },
  {
    what: 'a part of the record of a snapshot',
    paths: () => [join(snapshot('other'), 'layers-0')],
    dead: ['other'],
    says: /: its record is missing$/,
  },
  {
    what: 'a layer and the blob that it would be made from',
    paths: () => [layerOf('other', -1), ...blobsLikeLayer(layerOf('other', -1))],
    dead: ['other'],
    says: /: its layer sha256:[0-9a-f]{64} is missing$/,
  },
];

/** The blobs of a layer: the record in its directory tells which. */
function blobsLikeLayer(layer: string): readonly string[] {
  const { blob }: { readonly blob: string } = JSON.parse(readlinkSync(join(layer, 'record')));
  return [join(engine.root, 'content/blobs', blob.replace(':', '/'))];
}

async function statesAre(dead: readonly string[]): Promise<void> {
  const normal = { created: 'created', ended: 'exited', runs: 'running', other: 'exited' };
  const expected = Object.entries(normal).map(
    ([name, state]) => `${name} ${dead.includes(name) ? 'dead' : state}`,
  );
  const listed = await ok('ps', '-a', '--format', '{{.Names}} {{.State}}');
  assert.deepEqual(listed.split('\n').toSorted(), expected.toSorted());
}

async function restartAfter(change: () => void): Promise<void> {
  await engine.stop();
  change();
  await engine.start();
}

for (const { what, paths, dead, says } of LOSSES) {
  test(`lost: ${what}`, async () => {
    const before = kept();
    let moved: readonly (readonly [from: string, to: string])[] = [];
    await restartAfter(() => {
      moved = paths().map((path, index) => [path, join(engine.directory, `away-${index}`)]);
      for (const [from, to] of moved) renameSync(from, to);
    });
    await statesAre(dead);
    for (const name of dead) {
      assert.match(await inspect(name, '.State.Error'), says);
      const started = await docker(engine, ['start', name]);
      assert.match(started.stderr, /Cannot use container .* (is missing)/);
      const copied = await docker(engine, ['cp', `${name}:/etc/passwd`, '-']);
      assert.match(copied.stderr, /Cannot use container .* (is missing)/);
      assert.match(engine.log(), new RegExp(`a container is dead.*${ids.get(name)}`));
    }
    assert.equal(await inspect('ended', '.State.ExitCode'), '3');
    assert.equal(await ok('logs', 'ended'), 'what it said');
    assert.equal(await ok('logs', 'other'), 'other words');
    assert.equal(await ok('exec', 'runs', 'echo', 'fine'), 'fine');
    assert.equal(await ok('run', '--rm', 'bb', 'echo', 'fine'), 'fine');
    await ok('ps', '-as');
    await ok('system', 'df');
    assert.equal(
      (await ok('container', 'prune', '-f', '--filter', 'until=2000-01-01T00:00:00')).includes('Deleted'),
      false,
    );
    const lost = before.filter((path) =>
      moved.some(([from]) => `${join(engine.root, path)}/`.startsWith(`${from}/`)),
    );
    assert.deepEqual(
      before.filter((path) => !kept().includes(path)),
      lost,
      'nothing else has gone',
    );
    await restartAfter(() => {
      for (const [from, to] of moved) {
        rmSync(from, { recursive: true, force: true });
        renameSync(to, from);
      }
    });
    await statesAre([]);
    assert.deepEqual(kept().toSorted(), before.toSorted());
    assert.equal(await ok('cp', 'ended:/own', '-').then((tar) => tar.includes('own')), true);
  });
}

const LOST_LAYERS: readonly (readonly [what: string, path: () => string])[] = [
  ['a layer', () => layerOf('other', -1)],
  ['the record of a layer', () => join(layerOf('other', -1), 'record')],
  ['a layer that a running container stands on', () => layerOf('other', 0)],
];

for (const [what, path] of LOST_LAYERS) {
  test(`lost: ${what}; it is made again from its blob`, async () => {
    const before = kept();
    await restartAfter(() => rmSync(path(), { recursive: true }));
    await statesAre([]);
    assert.deepEqual(kept().toSorted(), before.toSorted());
    assert.equal(await ok('start', '-a', 'other'), 'other words');
    assert.equal(await ok('exec', 'runs', 'echo', 'fine'), 'fine');
    assert.equal(await ok('run', '--rm', 'derived', 'ls', '/x'), '/x');
  });
}

/** Does something to the database while no daemon runs. */
function changeRecords(...statements: readonly string[]): void {
  using database = new DatabaseSync(join(engine.root, 'metadata.db'));
  for (const statement of statements) database.exec(statement);
}

const lostAndFound = () => join(engine.root, 'lost+found');
const lostNames = () => (existsSync(lostAndFound()) ? readdirSync(lostAndFound()).toSorted() : []);

/** Where something is now that was moved away. */
function placeOf(kind: string, name: string): string {
  const found = lostNames().filter((each) => each.startsWith(`${kind}-${name}-`));
  assert.equal(found.length, 1, `${kind}-${name} is in lost+found: ${lostNames().join(' ')}`);
  assert.match(engine.log(), new RegExp(`moved to lost\\+found.*${name}`));
  return join(lostAndFound(), found[0] ?? '');
}

test('what has lost its record is moved to lost+found and told, with all that is in it', async () => {
  const layer = 'd'.repeat(64);
  const container = 'e'.repeat(64);
  await ok('run', '--name', 'wrote', 'bb', 'sh', '-c', 'echo mine > /file');
  await ok('create', '--name', 'wrote-nothing', 'bb', 'true');
  await ok('run', '--name', 'tmp', 'bb', 'touch', '/lost-record');
  await ok('commit', 'tmp', 'gone');
  await ok('rm', 'tmp');
  const wrote = await inspect('wrote', '.Id');
  const [, ownDiffId = ''] = (await inspect('gone', 'join .RootFS.Layers " "')).split(' sha256:');
  const [, imageId = ''] = (await inspect('gone', '.Id')).split(':');
  await restartAfter(() => {
    mkdirSync(join(engine.root, 'layers', layer));
    writeFileSync(join(engine.root, 'layers', layer, 'layer.tar'), 'a tar');
    mkdirSync(join(engine.root, 'layers/.staging-abc'));
    mkdirSync(join(engine.root, 'containers', container, 'log'), { recursive: true });
    writeFileSync(join(engine.root, 'containers', container, 'log/log'), 'words');
    mkdirSync(join(engine.root, 'containers', 'f'.repeat(64), 'log'), { recursive: true });
    writeFileSync(join(engine.root, 'content/blobs/sha256', layer), 'a blob');
    changeRecords(
      `DELETE FROM container_containers WHERE name LIKE 'wrote%'`,
      `DELETE FROM image_images WHERE id = 'sha256:${imageId}'`,
    );
  });
  assert.equal(readFileSync(join(placeOf('container', container), 'log/log'), 'utf8'), 'words');
  assert.equal(readFileSync(join(placeOf('layer', layer), 'layer.tar'), 'utf8'), 'a tar');
  assert.equal(readFileSync(placeOf('blob', layer), 'utf8'), 'a blob');
  assert.equal(readFileSync(join(placeOf('snapshot', wrote), 'upper/file'), 'utf8'), 'mine\n');
  assert.match(readFileSync(join(placeOf('layer', ownDiffId), 'layer.tar'), 'latin1'), /lost-record/);
  assert.match(readFileSync(placeOf('blob', imageId), 'utf8'), /"diff_ids"/);
  const gone = [
    `layers/${layer}`,
    'layers/.staging-abc',
    `containers/${container}`,
    `containers/${'f'.repeat(64)}`,
    `snapshots/${wrote}`,
  ];
  assert.deepEqual(
    gone.filter((path) => existsSync(join(engine.root, path))),
    [],
  );
  await statesAre([]);
  rmSync(lostAndFound(), { recursive: true });
});

test('what the engine was deleting or making when it was killed is deleted, not set aside', async () => {
  await ok('run', '--name', 'tmp', 'bb', 'touch', '/another');
  await ok('commit', 'tmp', 'below');
  await ok('create', '--name', 'on-below', 'below', 'true');
  await ok('rmi', '-f', 'below');
  const before = kept();
  // The container holds the layer, which nothing else has.
  await engine.crash();
  assert.deepEqual(kept().toSorted(), before.toSorted());
  await ok('rm', 'on-below', 'tmp');
  await engine.crash();
  assert.ok(kept().length < before.length, 'its layer went');
  const busy = ok('run', '--rm', 'bb', 'dd', 'if=/dev/zero', 'of=/dev/stdout', 'bs=1M', 'count=64').catch(
    () => '',
  );
  const commits = Array.from({ length: 4 }, (_, index) => docker(engine, ['commit', 'ended', `c${index}`]));
  await Promise.race(commits);
  await engine.kill();
  await Promise.allSettled([busy, ...commits]);
  await engine.start();
  const images = (await ok('images', '-q', '--filter', 'reference=c*')).split('\n').filter(Boolean);
  if (images.length > 0) await ok('rmi', '-f', ...images);
  await engine.crash();
  assert.deepEqual(lostNames(), []);
});

test('a container that runs on after its snapshot was lost ends as others do; prune leaves what is dead; rm works', async () => {
  const away = join(engine.directory, 'away');
  await restartAfter(() => renameSync(snapshot('runs'), away));
  await statesAre([]);
  await ok('stop', '-t', '0', 'runs');
  assert.equal(await inspect('runs', '.State.Status'), 'exited');
  await engine.stop();
  await engine.start();
  assert.equal(await inspect('runs', '.State.Status'), 'dead');
  await ok('rm', 'created');
  await ok('container', 'prune', '-f');
  assert.equal(await ok('ps', '-a', '--format', '{{.Names}} {{.State}}'), 'runs dead');
  await ok('rm', 'runs');
  assert.equal(await ok('ps', '-aq'), '');
  rmSync(away, { recursive: true });
});
