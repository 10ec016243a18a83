import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { decodeManifest } from '#oci/manifest.ts';
import { FakeRegistry, sendError } from '#registry/fake-registry.fixture.ts';
import { createRegistries } from '#registry/registries.ts';
import type { PushProgress } from './image-progress.ts';
import {
  coded,
  dockerArchive,
  type Engine,
  load,
  open,
  sha256,
  tar,
  temporaryRoot,
} from './image-store.fixture.ts';

const root = temporaryRoot();
const LAYERS = [tar({ 'etc/': '', 'etc/hello': 'hello' }), tar({ big: randomBytes(2_000_000) })];

async function setting() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await FakeRegistry.start());
  const registries = stack.use(
    createRegistries({ retry: { attempts: 3, firstPauseMs: 5 }, certificateDirectories: [] }),
  );
  const engine = stack.use(await open(root.path, { registries }));
  const resources = stack.move();
  return { server, engine, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function push(engine: Engine, reference: string): Promise<readonly PushProgress[]> {
  return Array.fromAsync(engine.images.push({ reference }));
}

function digestIn(messages: readonly PushProgress[]): string {
  const last = messages.at(-1);
  assert.ok(last?.kind === 'pushed-tag');
  return last.digest;
}

test('a pulled image goes out as it came: blobs and manifest byte for byte', async () => {
  await using s = await setting();
  await using other = await FakeRegistry.start();
  const { digest } = s.server.addImage('a/b', 'v1', LAYERS);
  await Array.fromAsync(s.engine.images.pull({ reference: `${s.server.host}/a/b:v1` }));
  await s.engine.images.tag(`${s.server.host}/a/b:v1`, `${other.host}/c/d:v2`);
  const messages = await push(s.engine, `${other.host}/c/d:v2`);
  assert.equal(digestIn(messages), digest);
  assert.deepEqual([...other.blobs.keys()].toSorted(), [...s.server.blobs.keys()].toSorted());
  const { digests } = await s.engine.images.inspect(`${other.host}/c/d:v2`);
  assert.ok(digests.includes(`${other.host}/c/d@${digest}`));
});

test('a loaded image is compressed once; its manifest keeps its digest; a second push sends nothing', async () => {
  await using s = await setting();
  const name = `${s.server.host}/a/b:v1`;
  await load(s.engine, dockerArchive({ layers: LAYERS, tags: [name] }));
  const first = await push(s.engine, name);
  const ids = LAYERS.map(sha256);
  const steps = first.flatMap((each) => (each.kind === 'layer' ? [`${each.layer} ${each.step}`] : []));
  assert.deepEqual(steps.slice(0, 2), [`${ids[1]} preparing`, `${ids[0]} preparing`]);
  assert.deepEqual(steps.slice(2, 4).toSorted(), ids.map((id) => `${id} pushed`).toSorted());
  const { layers } = decodeManifest(s.server.manifests.get('a/b:v1')?.content ?? Buffer.alloc(0));
  for (const [index, layer] of layers.entries())
    assert.ok(gunzipSync(s.server.blobs.get(layer.digest) ?? '').equals(LAYERS[index] ?? Buffer.alloc(0)));
  s.server.requests.length = 0;
  assert.equal(digestIn(await push(s.engine, name)), digestIn(first));
  assert.equal(s.server.count('POST') + s.server.count('PATCH'), 0);
});

test('another repository of the registry gets its layers from there', async () => {
  await using s = await setting();
  const name = `${s.server.host}/a/b:v1`;
  s.server.addImage('a/b', 'v1', LAYERS);
  await Array.fromAsync(s.engine.images.pull({ reference: name }));
  await s.engine.images.tag(name, `${s.server.host}/c/d:v1`);
  s.server.intercept = ({ method, url = '' }, response) => {
    if (method !== 'HEAD' || !url.includes('/c/d/blobs/')) return false;
    response.writeHead(404).end();
    return true;
  };
  const messages = await push(s.engine, `${s.server.host}/c/d:v1`);
  assert.equal(messages.filter((each) => each.kind === 'layer-mounted' && each.from === 'a/b').length, 2);
});

test('a loaded image that went to one repository is mounted into the next', async () => {
  await using s = await setting();
  await load(s.engine, dockerArchive({ layers: LAYERS, tags: [`${s.server.host}/a/b:v1`] }));
  await push(s.engine, `${s.server.host}/a/b:v1`);
  await s.engine.images.tag(`${s.server.host}/a/b:v1`, `${s.server.host}/c/d:v1`);
  s.server.intercept = ({ method, url = '' }, response) => {
    if (method !== 'HEAD' || !url.includes('/c/d/blobs/')) return false;
    response.writeHead(404).end();
    return true;
  };
  const messages = await push(s.engine, `${s.server.host}/c/d:v1`);
  assert.equal(messages.filter((each) => each.kind === 'layer-mounted' && each.from === 'a/b').length, 2);
});

test('how far a layer is compressed is told before it is sent', async () => {
  await using s = await setting();
  const name = `${s.server.host}/a/b:v1`;
  const layer = tar({ big: Buffer.alloc(60_000_000, 'text that is compressed ') });
  await load(s.engine, dockerArchive({ layers: [layer], tags: [name] }));
  const messages = await push(s.engine, name);
  const counts = messages.flatMap((each) => (each.kind === 'layer-bytes' ? [each] : []));
  const preparing = counts.filter(({ step }) => step === 'preparing');
  assert.ok(preparing.length > 0, JSON.stringify(counts));
  assert.ok(
    preparing.every(({ doneBytes, totalBytes }) => doneBytes <= layer.length && totalBytes === layer.length),
  );
});

test('what is not here is refused', async () => {
  await using s = await setting();
  await assert.rejects(push(s.engine, `${s.server.host}/a/b:v1`), {
    code: 'not-found',
    reason: 'repository-not-here',
    subject: `${s.server.host}/a/b`,
  });
  await assert.rejects(push(s.engine, `a@sha256:${'0'.repeat(64)}`), {
    code: 'invalid',
    reason: 'push-by-digest',
  });
});

test('a registry that refuses has no part of the image visible', async () => {
  await using s = await setting();
  const name = `${s.server.host}/a/b:v1`;
  await load(s.engine, dockerArchive({ layers: LAYERS, tags: [name] }));
  s.server.intercept = ({ method }, response) => {
    if (method !== 'PUT') return false;
    sendError(response, 403, 'DENIED');
    return true;
  };
  await assert.rejects(push(s.engine, name), coded('forbidden', /^denied: denied$/));
  assert.equal(s.server.manifests.size, 0);
});
