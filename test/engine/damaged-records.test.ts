/** Damaged records: what they are about is told and can be removed, and everything else works. */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';
import { until } from '#base/testing.ts';

let engine: TestDaemon;
const ok = (...args: readonly string[]) => dockerOk(engine, args);
const inspect = (name: string, field: string) => ok('inspect', '-f', `{{${field}}}`, name);

before(async () => {
  engine = await TestDaemon.start('--network-pool', '1');
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

/** Changes rows while no daemon runs; the next one must start. */
async function damage(...statements: readonly string[]): Promise<void> {
  await engine.stop();
  {
    using database = new DatabaseSync(join(engine.root, 'metadata.db'));
    for (const statement of statements) {
      const { changes } = database.prepare(statement).run();
      assert.ok(Number(changes) > 0, statement);
    }
  }
  await engine.start();
}

const container = (change: string, name: string) =>
  `UPDATE container_containers SET ${change} WHERE name = '${name}'`;

/** How records of containers are damaged, and what is told of it. */
const CONTAINERS: Readonly<Record<string, readonly [change: string, says: RegExp]>> = {
  cut: ['definition = substr(definition, 1, length(definition) - 40)', /JSON/],
  garbage: [`definition = x'00ff' || 'what is this'`, /JSON/],
  empty: [`definition = ''`, /JSON/],
  nothing: [`definition = 'null'`, /all of it is not what it was/],
  typed: [`definition = json_set(definition, '$.spec.process.environment', 5)`, /spec\.process\.environment/],
  item: [`definition = json_set(definition, '$.spec.process.environment[0]', 5)`, /environment\[0\]/],
  missing: [`definition = json_remove(definition, '$.spec.network.ports')`, /spec\.network\.ports/],
  mounts: [`definition = json_set(definition, '$.mounts', 'none')`, /mounts is not what it was/],
  other: [`definition = json_set(definition, '$.id', 'abc')`, /damaged \(id\)/],
  progress: [`progress = '{"state"'`, /JSON/],
  state: [`progress = json_set(progress, '$.state.status', 'hibernated')`, /state\.status hibernated/],
  ended: [`progress = json_remove(progress, '$.state.finishedAt')`, /state\.finishedAt/],
};

test('a container whose record is damaged is dead with the reason; its files and logs are read, rm removes it', async () => {
  const names = Object.keys(CONTAINERS);
  const script = 'echo said; echo own > /own';
  const start = (name: string) =>
    ok('run', '--name', name, '-e', 'A=1', '-v', `of-${name}:/data`, 'bb', 'sh', '-c', script);
  await Promise.all(names.map(start));
  await ok('run', '--name', 'whole', '--log-driver', 'json-file', 'bb', 'echo', 'whole words');
  await ok('run', '-d', '--name', 'future', 'bb', 'sleep', '1000');
  await ok('run', '-d', '--name', 'runs', 'bb', 'sleep', '1000');
  const pid = Number(await inspect('runs', '.State.Pid'));
  const ids = new Map<string, string>();
  for (const name of names) ids.set(name, await inspect(name, '.Id'));
  await damage(
    ...names.map((name) => container(CONTAINERS[name]?.[0] ?? '', name)),
    container(
      `definition = json_set(definition, '$.spec.colour', 'red', '$.later', json('{"a":1}'))`,
      'future',
    ),
    container(`definition = substr(definition, 1, 100)`, 'runs'),
  );
  const states = await ok('ps', '-a', '--format', '{{.Names}} {{.State}}');
  const expected = [...names, 'runs'].map((name) => `${name} dead`);
  assert.deepEqual(states.split('\n').toSorted(), [...expected, 'future running', 'whole exited'].toSorted());
  await ok('ps', '-as');
  await ok('system', 'df', '-v');
  const expectDead = async (name: string, says: RegExp) => {
    assert.match(await inspect(name, '.State.Error'), says);
    const started = await docker(engine, ['start', name]);
    assert.match(started.stderr, /its record is damaged \(.*\); its log and its files can still be read/);
    assert.equal(await ok('logs', name), 'said');
    assert.match(await ok('cp', `${name}:/own`, '-'), /own/);
    assert.match(engine.log(), new RegExp(`a container is dead.*${ids.get(name)}`));
  };
  await Promise.all(Object.entries(CONTAINERS).map(([name, [, says]]) => expectDead(name, says)));
  const renamed = await docker(engine, ['rename', 'cut', 'renamed']);
  assert.match(renamed.stderr, /its record is damaged/);
  assert.equal(await ok('logs', 'whole'), 'whole words');
  assert.equal(await ok('exec', 'future', 'echo', 'fine'), 'fine');
  assert.ok(existsSync(`/proc/${pid}`), 'what runs is left alone');
  // A volume that a damaged record names is in use.
  await ok('volume', 'prune', '-af');
  const volumes = (await ok('volume', 'ls', '-q')).split('\n');
  for (const name of ['cut', 'typed', 'mounts', 'progress']) assert.ok(volumes.includes(`of-${name}`), name);
  await ok('rm', '-f', 'runs', ...names);
  await until(() => !existsSync(`/proc/${pid}`), 'what ran is ended');
  assert.equal(await ok('ps', '-aq', '--filter', 'status=dead'), '');
  for (const id of ids.values()) assert.ok(!existsSync(join(engine.root, 'snapshots', id)));
  await damage(`DELETE FROM volume_volumes WHERE name = 'of-cut'`);
  assert.equal(await ok('start', '-a', 'whole'), 'whole words');
  await ok('rm', '-f', 'future', 'whole');
  await ok('volume', 'prune', '-af');
});

test('damaged records of images, volumes, networks and the build cache', async () => {
  const image = (name: string, text: string) =>
    docker(engine, ['import', '-', name], { input: tarOf({ path: text, content: text }) });
  for (const name of ['config', 'layers', 'named']) await image(name, name);
  await ok('create', '--name', 'on-config', 'config', 'x');
  await ok('volume', 'create', '--label', 'a=b', 'labelled');
  await ok('volume', 'create', 'timed');
  await ok('volume', 'create', 'named');
  const build = () =>
    docker(engine, ['build', '-q', '-'], {
      input: 'FROM bb\nRUN echo built > /built',
      env: { DOCKER_BUILDKIT: '0' },
    });
  assert.equal((await build()).exitCode, 0);
  const idOf = (name: string) => inspect(name, '.Id');
  const [config, layers, named] = [await idOf('config'), await idOf('layers'), await idOf('named')];
  const content = (await ok('images', '-q')).length;
  await damage(
    `UPDATE image_images SET config = x'7b226f73' WHERE id = '${config}'`,
    `UPDATE image_images SET layers = replace(layers, '"compression"', '"x"') WHERE id = '${layers}'`,
    `INSERT INTO image_references VALUES ('NOT A:NAME:AT ALL', '${named}', 0)`,
    `INSERT INTO image_layer_blobs VALUES ('no digest', NULL, 'none', 'fetched', 0)`,
    `INSERT OR REPLACE INTO image_manifests VALUES ('${named}', 'no digest', 'x', x'00', 0)`,
    `UPDATE volume_volumes SET labels = '{"a' WHERE name = 'labelled'`,
    `UPDATE volume_volumes SET created_at = 'some day' WHERE name = 'timed'`,
    `INSERT INTO volume_volumes VALUES ('../../escape', '2020-01-01T00:00:00Z', NULL)`,
    `INSERT INTO network_networks VALUES ('${'a'.repeat(64)}', 'net', '2020-01-01T00:00:00Z', '{"driver"')`,
    `INSERT INTO network_networks SELECT '${'b'.repeat(64)}', 'typed-net', created_at, json_set(definition, '$.driver.kind', 'ipvlan', '$.isBuiltIn', json('false')) FROM network_networks WHERE name = 'none'`,
    `UPDATE build_cache SET parents = '[', diff_id = 'sha256:xyz' WHERE diff_id IS NOT NULL`,
  );
  assert.equal((await ok('images', '-q')).length, content);
  for (const name of ['config', 'layers']) {
    const run = await docker(engine, ['run', '--rm', name, 'x']);
    assert.match(run.stderr, /Cannot use image sha256:.*its record is damaged/);
    assert.match(engine.log(), /the record of an image is damaged/);
  }
  assert.equal(await inspect('on-config', '.State.Status'), 'created');
  await ok('system', 'df', '-v');
  for (const table of ['image_references', 'image_layer_blobs', 'volume_volumes'])
    assert.match(engine.log(), new RegExp(`a record is damaged.*${table}`));

  assert.equal(
    await ok('volume', 'inspect', '-f', '{{.Status.problem}}', 'labelled'),
    'its labels are damaged',
  );
  assert.match(await ok('volume', 'inspect', '-f', '{{.Status.problem}}', 'timed'), /creation is damaged/);
  await ok('run', '--rm', '-v', 'labelled:/x', 'bb', 'touch', '/x/y');
  await ok('volume', 'rm', 'labelled', 'timed', 'named');

  for (const name of ['net', 'typed-net']) {
    assert.ok((await ok('network', 'ls', '--format', '{{.Name}}')).split('\n').includes(name));
    await ok('network', 'inspect', name);
    const run = await docker(engine, ['run', '--rm', '--network', name, 'bb', 'true']);
    assert.match(run.stderr, /Cannot use network .*its record is damaged/);
  }
  await ok('network', 'rm', 'net', 'typed-net');
  assert.doesNotMatch(await ok('network', 'ls', '--format', '{{.Name}}'), /net/);

  const rebuilt = await build();
  assert.equal(rebuilt.exitCode, 0, rebuilt.stderr);
  assert.equal(await ok('run', '--rm', rebuilt.stdout.trim(), 'cat', '/built'), 'built');
  await ok('builder', 'prune', '-af');

  await ok('rm', 'on-config');
  await ok('rmi', 'config', 'layers');
  await image('config', 'config');
  assert.equal(await ok('images', '-q', 'config').then((text) => text.length > 0), true);
  await damage(`DELETE FROM image_references WHERE reference LIKE 'NOT%'`);
  // The blobs of the images were theirs alone, and went with them.
  const lost = join(engine.root, 'lost+found');
  assert.ok(!existsSync(lost), 'nothing is set aside');
});

test('an image whose record is damaged is whole again once it is loaded again', async () => {
  const archive = dockerArchive({ reference: 'loaded', layers: [busyboxRootTar()] });
  const load = () => dockerOk(engine, ['load', '-q'], { input: archive });
  await load();
  await damage(`UPDATE image_images SET layers = '[' WHERE id = '${await inspect('loaded', '.Id')}'`);
  assert.match((await docker(engine, ['run', '--rm', 'loaded', 'true'])).stderr, /its record is damaged/);
  await load();
  assert.equal(await ok('run', '--rm', 'loaded', 'echo', 'whole'), 'whole');
  await engine.crash();
  assert.equal(await ok('run', '--rm', 'loaded', 'echo', 'whole'), 'whole');
  await ok('rmi', 'loaded');
  rmSync(join(engine.root, 'lost+found'), { recursive: true, force: true });
});

test('a volume whose directory is lost is told, never replaced by an empty one, and can be removed', async () => {
  for (const name of ['vanished', 'unused', 'forced'])
    await ok('run', '--rm', '-v', `${name}:/data`, 'bb', 'sh', '-c', 'echo mine > /data/file');
  await ok('create', '--name', 'user', '-v', 'vanished:/data', 'bb', 'cat', '/data/file');
  const volumes = join(engine.root, 'volumes');
  await engine.stop();
  rmSync(volumes, { recursive: true });
  await engine.start();
  assert.match(engine.log(), /a volume is lost: its directory is missing.*vanished/);
  assert.equal(
    await ok('volume', 'inspect', '-f', '{{.Status.problem}}', 'vanished'),
    'its directory is missing',
  );
  for (const args of [
    ['start', 'user'],
    ['run', '--rm', '-v', 'vanished:/data', 'bb', 'true'],
  ]) {
    const { stderr } = await docker(engine, args);
    assert.match(
      stderr,
      /Cannot use volume vanished: its directory .*vanished\/_data is missing; mount the file system/,
    );
    assert.match(stderr, /mkdir -p .*vanished\/_data/);
  }
  await ok('system', 'df', '-v');
  await ok('volume', 'prune', '-af');
  const left = (await ok('volume', 'ls', '-q')).split('\n');
  assert.deepEqual(
    ['forced', 'unused', 'vanished'].filter((name) => !left.includes(name)),
    [],
  );
  await ok('volume', 'rm', 'unused');
  await ok('volume', 'rm', '-f', 'forced');
  const used = await docker(engine, ['volume', 'rm', 'vanished']);
  assert.match(used.stderr, /volume is in use/);
  await ok('rm', 'user');
  await ok('volume', 'rm', 'vanished');
  assert.equal(await ok('run', '--rm', '-v', 'vanished:/data', 'bb', 'ls', '/data'), '');
  await ok('volume', 'rm', 'vanished');
});
