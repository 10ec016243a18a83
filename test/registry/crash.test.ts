/** The daemon is killed at every stage of a pull and of a push; the next one continues, and nothing half made is seen. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { FakeRegistry } from '../../src/registry/fake-registry.fixture.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk } from '../support/docker.ts';

const LAYERS = [
  tarOf({ path: 'one', content: randomBytes(3_000_000) }),
  tarOf({ path: 'two', content: randomBytes(100_000) }),
];

/** The request is never answered. */
const silent = () => undefined;

let engine: TestDaemon;
before(async () => {
  engine = await TestDaemon.start();
});
after(() => engine[Symbol.asyncDispose]());

/** Kills the daemon while the request that `isStage` picks is being answered. */
async function killAt(
  registry: FakeRegistry,
  isStage: (request: string) => boolean,
  answer: (response: ServerResponse) => void,
  args: readonly string[],
): Promise<void> {
  const reached = Promise.withResolvers<void>();
  registry.intercept = ({ method, url }, response) => {
    if (!isStage(`${method} ${url}`)) return false;
    answer(response);
    setTimeout(reached.resolve, 150);
    return true;
  };
  const command = docker(engine, args);
  await reached.promise;
  await engine.kill();
  assert.notEqual((await command).exitCode, 0);
  registry.intercept = () => false;
  await engine.start();
}

test('a pull that was killed continues by range, whichever stage it was in', async () => {
  await using registry = await FakeRegistry.start();
  const image = registry.addImage('a/b', 'v1', LAYERS);
  const name = `${registry.host}/a/b:v1`;
  const [big = '', small = ''] = image.layers;
  const blob = registry.blobs.get(big) ?? Buffer.alloc(0);
  const half = (response: ServerResponse) => {
    if (!response.req.url?.includes(big)) return;
    response.writeHead(200, { 'Content-Length': blob.length });
    response.write(blob.subarray(0, 1_500_000));
  };
  await killAt(registry, (request) => request.startsWith('GET /v2/a/b/manifests/'), silent, ['pull', name]);
  await killAt(registry, (request) => request.includes(image.configDigest), silent, ['pull', name]);
  await killAt(registry, (request) => request.includes(big) || request.includes(small), half, ['pull', name]);
  assert.equal(await dockerOk(engine, ['images', '-q']), '');
  await killAt(registry, (request) => request.includes(small), silent, ['pull', name]);
  assert.equal(await dockerOk(engine, ['images', '-q']), '');
  registry.requests.length = 0;
  await dockerOk(engine, ['pull', '-q', name]);
  // The large layer was whole already, or half of it was.
  assert.equal(registry.count(big, ' - '), 0, registry.requests.join('\n'));
  await dockerOk(engine, ['rmi', name]);
});

test('half of a layer is not fetched twice', async () => {
  await using registry = await FakeRegistry.start();
  const image = registry.addImage('c/d', 'v1', [tarOf({ path: 'x', content: randomBytes(2_000_000) })]);
  const name = `${registry.host}/c/d:v1`;
  const [layer = ''] = image.layers;
  const blob = registry.blobs.get(layer) ?? Buffer.alloc(0);
  const half = (response: ServerResponse) => {
    response.writeHead(200, { 'Content-Length': blob.length });
    response.write(blob.subarray(0, 1_500_000));
  };
  await killAt(registry, (request) => request.includes(layer), half, ['pull', name]);
  registry.requests.length = 0;
  await dockerOk(engine, ['pull', '-q', name]);
  const [, start] =
    /bytes=(\d+)-/.exec(registry.requests.find((request) => request.includes(layer)) ?? '') ?? [];
  // What was still in memory between two threads is gone.
  assert.ok(Number(start) >= 400_000, registry.requests.join('\n'));
  await dockerOk(engine, ['rmi', name]);
});

test('a push that was killed is repeated with what is missing, and shows nothing before its end', async () => {
  await using source = await FakeRegistry.start();
  await using registry = await FakeRegistry.start();
  const { digest } = source.addImage('a/b', 'v1', LAYERS);
  await dockerOk(engine, ['pull', '-q', `${source.host}/a/b:v1`]);
  const name = `${registry.host}/c/d:v1`;
  await dockerOk(engine, ['tag', `${source.host}/a/b:v1`, name]);
  for (const stage of ['HEAD /v2/c/d/blobs', 'POST ', 'PUT /v2/c/d/blobs', 'PUT /v2/c/d/manifests']) {
    await killAt(registry, (request) => request.startsWith(stage), silent, ['push', name]);
    assert.equal(registry.manifests.size, 0);
  }
  const pushed = await dockerOk(engine, ['push', name]);
  assert.match(pushed, new RegExp(`v1: digest: ${digest}`));
  await dockerOk(engine, ['rmi', name, `${source.host}/a/b:v1`]);
});
