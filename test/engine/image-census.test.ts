/**
 * Pulls, loads, runs, tags and removals of images that share layers, all at once. Whatever is told to be there works,
 * and once nothing is left, nothing lies around.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { imagesArchive } from '../fixtures/images-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { Served } from '../registry-server/served.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk } from '../support/docker.ts';
import { type Answer, request, requestJson } from '../support/http.ts';

const COUNT = 4;
const ROUNDS = 3;

let engine: TestDaemon;
let registry: Served;
const servers = new AsyncDisposableStack();
let names: readonly string[] = [];
let archive: Buffer;

before(async () => {
  registry = servers.use(await Served.start());
  names = Array.from({ length: COUNT }, (_, index) => `${registry.registry.address}/census/app:${index}`);
  const base = busyboxRootTar();
  const middle = tarOf({ path: 'middle', content: Buffer.alloc(300_000, 'm') });
  archive = imagesArchive(
    names.map((reference, index) => {
      const own = tarOf({ path: 'which', content: `${index}\n` });
      return { reference, layers: index % 2 === 0 ? [base, middle, own] : [base, own] };
    }),
  );
});
after(() => servers.disposeAsync());

async function start(...flags: readonly string[]): Promise<TestDaemon> {
  engine = await TestDaemon.start('--network-pool', '2', ...flags);
  return engine;
}

const ask = (method: string, path: string, body?: object | Buffer, headers?: Record<string, string>) =>
  request(engine.socket, method, path, body, headers);

/** @param refusals what may be answered while others remove: that it is gone, or that it is in use */
function check(what: string, answer: Answer, ...refusals: readonly number[]): boolean {
  assert.doesNotMatch(answer.body, /"errorDetail"/, what);
  if (answer.status < 300) return true;
  assert.ok(refusals.includes(answer.status), `${what}: ${answer.status} ${answer.body}`);
  return false;
}

async function pull(name: string): Promise<void> {
  const [image, tag] = [name.slice(0, name.lastIndexOf(':')), name.slice(name.lastIndexOf(':') + 1)];
  check(`pull ${name}`, await ask('POST', `/images/create?fromImage=${image}&tag=${tag}`));
}

async function load(): Promise<void> {
  check('load', await ask('POST', '/images/load?quiet=1', archive, { 'Content-Type': 'application/x-tar' }));
}

/** Where a container was created, it runs with all of its files, whatever becomes of its image. */
async function run(name: string): Promise<void> {
  const create = { Image: name, Cmd: ['cat', '/which', '/etc/passwd'], HostConfig: { NetworkMode: 'none' } };
  const created = await ask('POST', '/containers/create', create);
  if (!check(`create ${name}`, created, 404)) return;
  const { Id } = JSON.parse(created.body);
  check(`start ${name}`, await ask('POST', `/containers/${Id}/start`));
  const { StatusCode } = JSON.parse((await ask('POST', `/containers/${Id}/wait`)).body);
  const { body } = await ask('GET', `/containers/${Id}/logs?stdout=1&stderr=1`);
  assert.equal(StatusCode, 0, body);
  assert.ok(body.includes(`${name.slice(name.lastIndexOf(':') + 1)}\n`), name);
  check(`remove container of ${name}`, await ask('DELETE', `/containers/${Id}?force=1`));
}

async function remove(name: string): Promise<void> {
  check(`remove ${name}`, await ask('DELETE', `/images/${name}?force=1`), 404, 409);
}

async function prune(): Promise<void> {
  const filters = encodeURIComponent('{"dangling":["false"]}');
  check('prune', await ask('POST', `/images/prune?filters=${filters}`));
}

test('whatever happens at once, what is there is whole, and nothing unneeded stays', async () => {
  await using _ = await start();
  await load();
  await Promise.all(names.map((name) => dockerOk(engine, ['push', '-q', name])));
  await underFire();
});

test('a budget that leaves room for nothing takes nothing away that is in use', async () => {
  await using _ = await start('--image-gc', 'max-size=1', '--image-gc', 'min-age=0s');
  await underFire();
});

async function underFire(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const [first = '', second = '', third = '', fourth = ''] = names.map(
      (_, index) => names[(index + round) % COUNT] ?? '',
    );
    const acts = [
      () => pull(first),
      () => run(second),
      () => remove(first),
      load,
      () => run(first),
      () => pull(third),
      () => remove(second),
      () => run(fourth),
      prune,
      () => pull(second),
      () => remove(fourth),
      () => run(third),
    ];
    await settled(acts.map((act) => act()));
    for (const { Id, RepoTags } of await images()) {
      // Every layer of it is read; it may be collected meanwhile.
      check(RepoTags.join(' '), await ask('GET', `/images/${Id}/explore?files=0`), 404);
    }
  }
  await load();
  await Promise.all(names.map(run));
  assert.deepEqual(await engine.containers(), []);
  // What names pulled, and what lost its last name meanwhile.
  for (const { Id } of await images()) check(Id, await ask('DELETE', `/images/${Id}?force=1`), 404);
  // Its turn comes after what collects in the background.
  check('gc', await ask('POST', '/images/gc?dry-run=1&max-size=1'));
  assert.deepEqual(await images(), []);
  const usage = await requestJson<{ LayersSize: number }>(engine.socket, 'GET', '/system/df');
  assert.equal(usage.LayersSize, 0);
  assert.deepEqual(census(), []);
  await engine.stop();
  await engine.start();
  assert.deepEqual(census(), []);
}

/** Rejects with the first failure, once all have ended. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

function images(): Promise<readonly { readonly Id: string; readonly RepoTags: readonly string[] }[]> {
  return requestJson(engine.socket, 'GET', '/images/json?all=1');
}

/** Every blob, unfinished download, layer and snapshot; hidden are the engine's own and what is being deleted. */
function census(): readonly string[] {
  const folders = ['content/blobs/sha256', 'content/ingest', 'layers', 'snapshots'];
  const found = folders.flatMap((folder) =>
    readdirSync(join(engine.root, folder)).map((name) => `${folder}/${name}`),
  );
  return found.filter((path) => !path.includes('/.'));
}
