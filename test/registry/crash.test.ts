/**
 * The daemon is killed at every stage of a pull and of a push; the next one continues, and nothing half made is seen.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FakeRegistry } from '../../src/registry/fake-registry.fixture.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk } from '../support/docker.ts';
import { until } from '#base/testing.ts';

const LAYERS = [
  tarOf({ path: 'one', content: randomBytes(3_000_000) }),
  tarOf({ path: 'two', content: randomBytes(100_000) }),
];

/** The request is never answered. */
const silent = () => undefined;

/** What is safely here of a layer that half came: what was still in memory between two threads is gone. */
const KEPT_BYTES = 400_000;

let engine: TestDaemon;
before(async () => {
  engine = await TestDaemon.start();
});
after(() => engine[Symbol.asyncDispose]());

/** Bytes of the largest blob that is on its way. */
function arrivedBytes(): number {
  const directory = join(engine.root, 'content/ingest');
  return Math.max(0, ...readdirSync(directory).map((name) => statSync(join(directory, name)).size));
}

interface Stage {
  /** Picks the request during whose answer the daemon is killed. */
  readonly isStage: (request: string) => boolean;
  readonly answer?: (response: ServerResponse) => void;
  /** How much of the largest blob arrives; by default nothing. */
  readonly untilBytes?: number;
}

async function killAt(
  registry: FakeRegistry,
  { isStage, answer = silent, untilBytes = 0 }: Stage,
  args: readonly string[],
): Promise<void> {
  const reached = Promise.withResolvers<void>();
  registry.intercept = ({ method, url }, response) => {
    if (!isStage(`${method} ${url}`)) return false;
    answer(response);
    reached.resolve();
    return true;
  };
  const command = docker(engine, args);
  await reached.promise;
  await until(
    () => arrivedBytes() >= untilBytes,
    () => `${arrivedBytes()} bytes of ${untilBytes}`,
  );
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
  const pull = ['pull', name];
  await killAt(registry, { isStage: (request) => request.startsWith('GET /v2/a/b/manifests/') }, pull);
  await killAt(registry, { isStage: (request) => request.includes(image.configDigest) }, pull);
  const isLayer = (request: string) => request.includes(big) || request.includes(small);
  await killAt(registry, { isStage: isLayer, answer: half, untilBytes: KEPT_BYTES }, pull);
  assert.equal(await dockerOk(engine, ['images', '-q']), '');
  await killAt(registry, { isStage: (request) => request.includes(small) }, pull);
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
  const isStage = (request: string) => request.includes(layer);
  await killAt(registry, { isStage, answer: half, untilBytes: KEPT_BYTES }, ['pull', name]);
  registry.requests.length = 0;
  await dockerOk(engine, ['pull', '-q', name]);
  const [, start] =
    /bytes=(\d+)-/.exec(registry.requests.find((request) => request.includes(layer)) ?? '') ?? [];
  assert.ok(Number(start) >= KEPT_BYTES, registry.requests.join('\n'));
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
    await killAt(registry, { isStage: (request) => request.startsWith(stage) }, ['push', name]);
    assert.equal(registry.manifests.size, 0);
  }
  const pushed = await dockerOk(engine, ['push', name]);
  assert.match(pushed, new RegExp(`v1: digest: ${digest}`));
  await dockerOk(engine, ['rmi', name, `${source.host}/a/b:v1`]);
});
