import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { digestOf, FakeRegistry } from './fake-registry.fixture.ts';
import { createRegistries } from './registries.ts';

const CONTENT = randomBytes(3_000_000);
const REQUEST = {
  descriptor: { digest: digestOf(CONTENT), size: CONTENT.length },
  read: (offset: number) => Readable.from(chunks(offset), { objectMode: false }),
  mountFrom: [],
};

function* chunks(offset: number): Generator<Buffer> {
  for (let at = offset; at < CONTENT.length; at += 65_536) yield CONTENT.subarray(at, at + 65_536);
}

function open(server: FakeRegistry) {
  const registries = createRegistries({
    retry: { attempts: 4, firstPauseMs: 5, maximumPauseMs: 20 },
    certificateDirectories: [],
  });
  const place = { domain: server.host, path: 'a/b' };
  return { registries, repository: registries.open(place, { credentials: {}, access: 'push' }) };
}

test('a blob goes in one request, and only where it is missing', async () => {
  await using server = await FakeRegistry.start();
  const { registries, repository } = open(server);
  using _ = registries;
  const sent: number[] = [];
  const outcome = await repository.upload({ ...REQUEST, onProgress: (bytes) => sent.push(bytes) });
  assert.deepEqual(outcome, { kind: 'uploaded' });
  assert.ok(server.blobs.get(REQUEST.descriptor.digest)?.equals(CONTENT));
  assert.equal(sent.at(-1), CONTENT.length);
  assert.deepEqual(await repository.upload(REQUEST), { kind: 'exists' });
  assert.equal(server.count('PUT'), 1);
});

test('a blob of another repository is mounted', async () => {
  await using server = await FakeRegistry.start(({ method, url = '' }, response) => {
    if (method !== 'HEAD' || !url.includes('/blobs/')) return false;
    response.writeHead(404).end();
    return true;
  });
  server.addBlob(CONTENT);
  const { registries, repository } = open(server);
  using _ = registries;
  assert.deepEqual(await repository.upload({ ...REQUEST, mountFrom: ['c/d'] }), {
    kind: 'mounted',
    from: 'c/d',
  });
  assert.equal(server.count('PUT'), 0);
});

test('an upload that is cut continues where the registry is', async () => {
  let isCut = false;
  await using server = await FakeRegistry.start((request, response) => {
    if (request.method !== 'PUT' || isCut) return false;
    isCut = true;
    const [, session = ''] = /uploads\/([^?]+)/.exec(request.url ?? '') ?? [];
    let content = Buffer.alloc(0);
    request.on('data', (chunk: Buffer) => {
      content = Buffer.concat([content, chunk]);
      server.uploads.set(session, content);
      if (content.length > 1_000_000) response.destroy();
    });
    return true;
  });
  const { registries, repository } = open(server);
  using _ = registries;
  assert.deepEqual(await repository.upload(REQUEST), { kind: 'uploaded' });
  assert.ok(server.blobs.get(REQUEST.descriptor.digest)?.equals(CONTENT));
  assert.equal(server.count('PATCH'), 1);
  assert.equal(server.count('POST'), 1);
});

test('a registry that lost the session gets the whole blob again', async () => {
  let cuts = 0;
  await using server = await FakeRegistry.start((request, response) => {
    if (request.method !== 'PUT' || cuts === 2) return false;
    cuts++;
    request.once('data', () => response.destroy());
    server.uploads.clear();
    return true;
  });
  const { registries, repository } = open(server);
  using _ = registries;
  assert.deepEqual(await repository.upload(REQUEST), { kind: 'uploaded' });
  assert.ok(server.blobs.get(REQUEST.descriptor.digest)?.equals(CONTENT));
  assert.equal(server.count('POST'), 3);
});

test('a registry that stores something else is found out', async () => {
  await using server = await FakeRegistry.start((request, response) => {
    if (request.method !== 'PUT') return false;
    response.writeHead(201, { 'Docker-Content-Digest': `sha256:${'0'.repeat(64)}` }).end();
    return true;
  });
  const { registries, repository } = open(server);
  using _ = registries;
  const manifest = { mediaType: 'application/json', content: Buffer.from('{}') };
  await assert.rejects(repository.putManifest('v1', manifest), /the registry stored sha256:0000/);
});
