/** How registries are reached: proxies, mirrors, authorities and certificates of clients, hosts without TLS. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import dns from 'node:dns';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { BusyListener } from '#registry/busy-listener.fixture.ts';
import { FakeRegistry, type Intercept, sendError } from '#registry/fake-registry.fixture.ts';
import { Hosts } from '#registry/hosts.ts';
import { createRegistries, type RegistriesOptions } from '#registry/registries.ts';
import { RegistryFailure } from '#registry/registry-failure.ts';
import type { Repository } from '#registry/registry.ts';
import { createSelfSigned, type KeyAndCertificate } from '#registry-server/self-signed.ts';
import { TestProxy, withProxies } from '#registry/test-proxy.fixture.ts';

const HUB = 'registry-1.docker.io';
const directory = mkdtempSync(join(tmpdir(), 'caisson-connections-'));
after(() => rmSync(directory, { recursive: true }));

/** `certs.d` of an engine: files by `HOST/NAME`. */
function certificates(files: Readonly<Record<string, string>>): string {
  const parent = mkdtempSync(join(directory, 'certs.d-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(parent, path, '..'), { recursive: true });
    writeFileSync(join(parent, path), content);
  }
  return parent;
}

function tlsOf({ key, certificate }: KeyAndCertificate) {
  return { key, cert: certificate };
}

function open(stack: AsyncDisposableStack, domain: string, options: RegistriesOptions): Repository {
  const registries = stack.use(
    createRegistries({
      retry: { attempts: 2, firstPauseMs: 1 },
      certificateDirectories: [],
      ...options,
    }),
  );
  const credentials = { username: 'u', password: 'p' };
  return registries.open({ domain, path: 'a/b' }, { credentials, access: 'pull' });
}

function unreachable(error: unknown): boolean {
  assert.ok(error instanceof RegistryFailure, String(error));
  return error.code === 'unavailable';
}

test('HTTP_PROXY serves hosts without TLS, but for loopback and those of NO_PROXY', async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await FakeRegistry.start());
  const { digest } = server.addImage('a/b', 'v1', []);
  const proxy = stack.use(await TestProxy.start({ 'registry.test:5000': server.port }));
  stack.use(withProxies({ HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: 'other.test' }));
  const insecureRegistries = ['registry.test:5000', 'other.test:5000'];
  const repository = open(stack, 'registry.test:5000', { insecureRegistries });
  assert.equal((await repository.resolve('v1')).digest, digest);
  assert.ok(proxy.seen.includes('HEAD http://registry.test:5000/v2/a/b/manifests/v1'), proxy.seen.join('\n'));

  proxy.seen.length = 0;
  await assert.rejects(open(stack, 'other.test:5000', { insecureRegistries }).resolve('v1'), unreachable);
  await open(stack, server.host, {}).resolve('v1');
  assert.deepEqual(proxy.seen, []);
});

test('HTTPS_PROXY tunnels; an authority from certs.d is trusted, nothing else, and nothing goes without TLS', async () => {
  await using stack = new AsyncDisposableStack();
  const own = createSelfSigned(['registry.test']);
  const server = stack.use(await FakeRegistry.start(undefined, tlsOf(own)));
  const { digest } = server.addImage('a/b', 'v1', []);
  const proxy = stack.use(
    await TestProxy.start({ 'registry.test:5000': server.port, 'other.test:443': server.port }),
  );
  stack.use(withProxies({ HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url }));
  await assert.rejects(open(stack, 'registry.test:5000', {}).resolve('v1'), unreachable);
  const docker = certificates({
    'registry.test:5000/ca.crt': own.certificate,
    'other.test/ca.crt': own.certificate,
  });
  const options = { certificateDirectories: [join(directory, 'missing'), docker] };
  assert.equal((await open(stack, 'registry.test:5000', options).resolve('v1')).digest, digest);
  await assert.rejects(open(stack, 'other.test', options).resolve('v1'), unreachable, 'of another name');
  assert.ok(
    proxy.seen.every((line) => line.startsWith('CONNECT ')),
    proxy.seen.join('\n'),
  );
});

test('a client shows the certificate of the first folder that has one for the host', async () => {
  await using stack = new AsyncDisposableStack();
  const own = createSelfSigned(['127.0.0.1']);
  const client = createSelfSigned(['client']);
  const stranger = createSelfSigned(['stranger']);
  const needsClient: Intercept = ({ socket }, response) => {
    const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.toString() : undefined;
    if (shown?.trim() === client.certificate.trim()) return false;
    sendError(response, 403, 'DENIED');
    return true;
  };
  const tls = { ...tlsOf(own), requestCert: true, rejectUnauthorized: false };
  const server = stack.use(await FakeRegistry.start(needsClient, tls));
  const { digest } = server.addImage('a/b', 'v1', []);
  const files = (pair: KeyAndCertificate) => ({
    [`${server.host}/ca.crt`]: own.certificate,
    [`${server.host}/client.cert`]: pair.certificate,
    [`${server.host}/client.key`]: pair.key,
  });
  const [caisson, docker] = [certificates(files(client)), certificates(files(stranger))];
  const resolve = (...certificateDirectories: readonly string[]) =>
    open(stack, server.host, { certificateDirectories }).resolve('v1');
  assert.equal((await resolve(caisson, docker)).digest, digest);
  await assert.rejects(resolve(docker, caisson), /403 Forbidden/);
  await assert.rejects(
    resolve(certificates({ [`${server.host}/ca.crt`]: own.certificate })),
    /403 Forbidden/,
  );
  const half = certificates({ [`${server.host}/client.cert`]: client.certificate });
  await assert.rejects(resolve(half), /client\.cert has no key of the same name/);
});

const asksForPassword: Intercept = ({ headers }, response) => {
  if (headers.authorization?.startsWith('Basic ')) return false;
  sendError(response, 401, 'UNAUTHORIZED', { 'WWW-Authenticate': 'Basic realm="x"' });
  return true;
};

/** Docker Hub, as the proxy knows it, and a mirror. */
async function hubAndMirror(stack: AsyncDisposableStack, mirrorIntercept?: Intercept) {
  const own = createSelfSigned([HUB]);
  const hub = stack.use(await FakeRegistry.start(asksForPassword, tlsOf(own)));
  const mirror = stack.use(await FakeRegistry.start(mirrorIntercept));
  const proxy = stack.use(await TestProxy.start({ [`${HUB}:443`]: hub.port }));
  stack.use(withProxies({ HTTPS_PROXY: proxy.url }));
  const repository = open(stack, 'docker.io', {
    certificateDirectories: [certificates({ [`${HUB}/ca.crt`]: own.certificate })],
    registryMirrors: [`http://${mirror.host}/`],
  });
  return { hub, mirror, repository };
}

test('the tags of a repository are those of the mirror, and of the registry where that has none', async () => {
  await using stack = new AsyncDisposableStack();
  const { hub, mirror, repository } = await hubAndMirror(stack);
  mirror.addImage('a/b', 'v1', []);
  hub.addImage('a/b', 'v2', []);
  hub.addImage('c/d', 'v3', []);
  assert.deepEqual(await Array.fromAsync(repository.tags()), ['v1']);
  assert.equal(hub.requests.length, 0);
  mirror.intercept = (_, response) => {
    response.writeHead(500).end();
    return true;
  };
  assert.deepEqual(await Array.fromAsync(repository.tags()), ['v2']);
});

test('a mirror is asked first, and never shown a password; what it lacks comes from the registry', async () => {
  await using stack = new AsyncDisposableStack();
  const { hub, mirror, repository } = await hubAndMirror(stack);
  const there = mirror.addImage('a/b', 'v1', []);
  assert.equal((await repository.fetchManifest('v1')).digest, there.digest);
  assert.deepEqual(hub.requests, []);
  const elsewhere = hub.addImage('a/b', 'v2', [randomBytes(100)]);
  assert.equal((await repository.fetchManifest('v2')).digest, elsewhere.digest);
  const blob = await repository.openBlob(elsewhere.layers[0]!, 0);
  assert.deepEqual(Buffer.concat(await blob.body.toArray()), hub.blobs.get(elsewhere.layers[0]!));
  assert.ok(mirror.requests.length > 0);
  assert.deepEqual(
    mirror.requests.filter((request) => request.includes('Basic')),
    [],
  );
});

for (const [what, answer] of Object.entries<Intercept>({
  'that refuses': (_, response) => {
    sendError(response, 403, 'DENIED');
    return true;
  },
  'that asks for a password': (_, response) => {
    sendError(response, 401, 'UNAUTHORIZED', { 'WWW-Authenticate': 'Basic realm="x"' });
    return true;
  },
  'that is broken': (_, response) => {
    sendError(response, 500, 'UNKNOWN');
    return true;
  },
  'that is a web page': (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html></html>');
    return true;
  },
  'that lies': (_, response) => {
    response.writeHead(200, { 'Docker-Content-Digest': `sha256:${'0'.repeat(64)}` }).end('{}');
    return true;
  },
}))
  test(`a mirror ${what} is passed over`, async () => {
    await using stack = new AsyncDisposableStack();
    const { hub, repository } = await hubAndMirror(stack, answer);
    const { digest } = hub.addImage('a/b', 'v1', []);
    assert.equal((await repository.fetchManifest('v1')).digest, digest);
  });

test('a mirror that is not there is passed over; one that is no URL is refused', async () => {
  await using stack = new AsyncDisposableStack();
  const { hub, mirror, repository } = await hubAndMirror(stack);
  const { digest } = hub.addImage('a/b', 'v1', []);
  await mirror[Symbol.asyncDispose]();
  assert.equal((await repository.fetchManifest('v1')).digest, digest);
  assert.throws(() => createRegistries({ registryMirrors: ['ftp://mirror'] }), /not an http or https URL/);
});

test('an address that is slow to answer is not given up for one where nothing listens', async (context) => {
  await using stack = new AsyncDisposableStack();
  const busy = stack.use(await BusyListener.start());
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
  context.mock.method(dns, 'lookup', (...args: readonly unknown[]) => {
    const done = args.at(-1);
    if (typeof done === 'function') done(null, addresses);
  });
  const repository = open(stack, `slow.test:${busy.port}`, {
    insecureRegistries: [`slow.test:${busy.port}`],
    retry: { attempts: 1 },
    timeouts: { connectMs: 120_000 },
  });
  // Longer than Node waits for an address before it tries the next one, which no event tells.
  setTimeout(() => busy.letGo(), 700);
  await assert.rejects(repository.resolve('v1'), { code: 'not-found' });
});

test('insecure are loopback, and what is configured: hosts, names and networks', () => {
  using hosts = new Hosts({
    insecureRegistries: ['registry.test:5000', 'name.test', '10.0.0.0/8', 'fd00::/8'],
    certificateDirectories: [],
    timeouts: { connectMs: 1, stallMs: 1 },
  });
  const insecure = [
    'localhost:5000',
    '127.8.9.1',
    '[::1]:5000',
    'registry.test:5000',
    'name.test:1',
    '10.1.2.3:5000',
    '[fd00::1]:5000',
  ];
  const secure = [
    'registry.test',
    'registry.test:5001',
    'a.name.test',
    '11.0.0.1:5000',
    '[fe80::1]:5000',
    'localhost.test',
  ];
  for (const host of insecure) assert.ok(hosts.isInsecure(host), host);
  for (const host of secure) assert.ok(!hosts.isInsecure(host), host);
});
