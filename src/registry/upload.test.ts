import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { digestOf, FakeRegistry, sendError } from './fake-registry.fixture.ts';
import { createRegistries } from './registries.ts';
import type { Registries } from './registry.ts';

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

/** The repository as another operation of the same engine has it. */
function openAgain(server: FakeRegistry, registries: Registries, signal?: AbortSignal) {
  const place = { domain: server.host, path: 'a/b' };
  return registries.open(place, { credentials: {}, access: 'push', ...(signal ? { signal } : {}) });
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

test('a blob whose parts do not fit together is sent anew', async () => {
  let isCut = false;
  await using server = await FakeRegistry.start(({ method, url = '' }, response) => {
    const [, session = ''] = /uploads\/([^?]+)/.exec(url) ?? [];
    if (method !== 'PUT' || isCut) return false;
    isCut = true;
    server.uploads.set(session, Buffer.alloc(1_000_000));
    response.destroy();
    return true;
  });
  const { registries, repository } = open(server);
  using _ = registries;
  assert.deepEqual(await repository.upload(REQUEST), { kind: 'uploaded' });
  assert.ok(server.blobs.get(REQUEST.descriptor.digest)?.equals(CONTENT));
  assert.deepEqual([server.count('PATCH'), server.count('POST')], [1, 2]);
});

test('a whole blob that a registry refuses is not sent again', async () => {
  await using server = await FakeRegistry.start();
  const { registries, repository } = open(server);
  using _ = registries;
  const descriptor = { digest: digestOf(Buffer.from('else')), size: CONTENT.length };
  await assert.rejects(repository.upload({ ...REQUEST, descriptor }), /^RegistryFailure: digest invalid/);
  assert.equal(server.count('PUT'), 1);
});

/** Holds the first blob on its way until it is released. */
async function startHolding() {
  const arrived = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let isFirst = true;
  const server = await FakeRegistry.start(async ({ method }) => {
    if (method !== 'PUT' || !isFirst) return false;
    isFirst = false;
    arrived.resolve();
    await held.promise;
    return false;
  });
  return { server, arrived: arrived.promise, letGo: held.resolve };
}

test('a blob that is on its way to a repository is waited for, and not sent twice', async () => {
  const { server, arrived, letGo } = await startHolding();
  await using _server = server;
  const { registries, repository } = open(server);
  using _ = registries;
  const first = repository.upload(REQUEST);
  await arrived;
  const second = openAgain(server, registries).upload(REQUEST);
  // Whatever the second would ask now has been asked when all of another blob is there.
  const other = Buffer.from('other');
  const descriptor = { digest: digestOf(other), size: other.length };
  await repository.upload({ descriptor, read: () => Readable.from([other]), mountFrom: [] });
  letGo();
  assert.deepEqual(await Promise.all([first, second]), [{ kind: 'uploaded' }, { kind: 'exists' }]);
  assert.equal(server.count('POST'), 2);
});

test('who waits for a blob that others send can give up, and the next has it', async () => {
  const { server, arrived, letGo } = await startHolding();
  await using _server = server;
  const { registries, repository } = open(server);
  using _ = registries;
  const first = repository.upload(REQUEST);
  await arrived;
  const giveUp = new AbortController();
  const second = openAgain(server, registries, giveUp.signal).upload(REQUEST);
  const third = openAgain(server, registries).upload(REQUEST);
  giveUp.abort(new Error('given up'));
  await assert.rejects(second, /given up/);
  letGo();
  assert.deepEqual(await Promise.all([first, third]), [{ kind: 'uploaded' }, { kind: 'exists' }]);
});

test('a registry whose links are being written anew takes the manifest at the next attempt', async () => {
  let refusals = 0;
  await using server = await FakeRegistry.start(({ method }, response) => {
    if (method !== 'PUT' || refusals === 2) return false;
    refusals++;
    sendError(response, 400, 'DIGEST_INVALID');
    return true;
  });
  const { registries, repository } = open(server);
  using _ = registries;
  const content = Buffer.from('{}');
  const manifest = { mediaType: 'application/json', content };
  assert.equal(await repository.putManifest('v1', manifest), digestOf(content));
  assert.equal(server.count('PUT'), 3);
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
