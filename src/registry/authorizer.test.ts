import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import type { RegistryCredentials } from './credentials.ts';
import { downloadBlob } from './download.ts';
import { FakeRegistry, type Intercept, sendError } from './fake-registry.fixture.ts';
import { createRegistries } from './registries.ts';

interface TokenServer extends AsyncDisposable {
  readonly server: FakeRegistry;
  /** Tokens that are good now. */
  readonly good: Set<string>;
  readonly scopes: string[];
}

/** A registry whose tokens come from the same server, for `u` and `p` or the refresh token `r`. */
async function tokenServer(answer: object = {}): Promise<TokenServer> {
  const good = new Set<string>();
  const scopes: string[] = [];
  let last = 0;
  const intercept: Intercept = async (request, response) => {
    const { url = '', headers } = request;
    if (url.startsWith('/token')) {
      const form = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
      const isKnown = headers.authorization === `Basic ${Buffer.from('u:p').toString('base64')}`;
      if (!isKnown && !form.includes('refresh_token=r')) {
        sendError(response, 401, 'UNAUTHORIZED');
        return true;
      }
      const query = new URLSearchParams(form || url.split('?')[1]);
      scopes.push(query.getAll('scope').join(' '));
      const token = `t${++last}`;
      good.add(token);
      response.end(JSON.stringify({ token, expires_in: 300, ...answer }));
      return true;
    }
    if (good.has((headers.authorization ?? '').replace('Bearer ', ''))) return false;
    const challenge = `Bearer realm="http://${headers.host}/token",service="test",scope="ignored"`;
    sendError(response, 401, 'UNAUTHORIZED', { 'WWW-Authenticate': challenge });
    return true;
  };
  const server = await FakeRegistry.start(intercept);
  return { server, good, scopes, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function open(host: string, credentials: RegistryCredentials, access: 'pull' | 'push' = 'pull') {
  const registries = createRegistries({
    retry: { attempts: 2, firstPauseMs: 1 },
    certificateDirectories: [],
  });
  return { registries, repository: registries.open({ domain: host, path: 'a/b' }, { credentials, access }) };
}

const USER = { username: 'u', password: 'p' };

test('a token is fetched once for the scope, by all who need it, and kept for the next operation', async () => {
  await using s = await tokenServer();
  s.server.addImage('a/b', 'v1', []);
  const { registries, repository } = open(s.server.host, USER);
  using _ = registries;
  await Promise.all([1, 2, 3].map(() => repository.fetchManifest('v1')));
  await registries
    .open({ domain: s.server.host, path: 'a/b' }, { credentials: USER, access: 'pull' })
    .fetchManifest('v1');
  assert.equal(s.server.count('/token'), 1);
  assert.deepEqual(s.scopes, ['repository:a/b:pull']);
});

test('a token that expires between two requests is renewed', async () => {
  await using s = await tokenServer();
  const { digest } = s.server.addImage('a/b', 'v1', []);
  const { registries, repository } = open(s.server.host, USER);
  using _ = registries;
  await repository.fetchManifest('v1');
  s.good.clear();
  assert.equal((await repository.fetchManifest(digest)).digest, digest);
  assert.equal(s.server.count('/token'), 2);
});

test('a token that expires while a blob comes is renewed, and the blob continued', async () => {
  await using s = await tokenServer();
  const content = Buffer.alloc(200_000, 'abc');
  const digest = s.server.addBlob(content);
  const { registries, repository } = open(s.server.host, USER);
  using _ = registries;
  const authorize = s.server.intercept;
  let cuts = 0;
  s.server.intercept = async (request, response) => {
    if (await authorize(request, response)) return true;
    if (!request.url?.endsWith(digest) || cuts++ > 0) return false;
    response.writeHead(200, { 'Content-Length': content.length });
    response.write(content.subarray(0, 120_000), () => {
      s.good.clear();
      response.destroy();
    });
    return true;
  };
  const descriptor = { digest, size: content.length };
  const download = downloadBlob({ repository, descriptor, offset: 0, retry: registries.retry });
  assert.deepEqual(Buffer.concat(await Array.fromAsync(download)), content);
  assert.equal(s.server.count('/token'), 2);
  assert.deepEqual(
    s.server.requests
      .filter((each) => each.includes(digest))
      .map((each) => each.split(' ').slice(2).join(' ')),
    ['- -', '- Bearer t1', 'bytes=120000- Bearer t1', 'bytes=120000- Bearer t2'],
  );
});

test('a token server that answers with a web page, or without a token, is refused', async () => {
  for (const answer of ['<html></html>', '{"expires_in":300}', '[]', '{"token":7}']) {
    await using s = await tokenServer();
    const authorize = s.server.intercept;
    s.server.intercept = (request, response) => {
      if (!request.url?.startsWith('/token')) return authorize(request, response);
      response.end(answer);
      return true;
    };
    const { registries, repository } = open(s.server.host, USER);
    using _ = registries;
    await assert.rejects(repository.fetchManifest('v1'), (error) => isEngineError(error, 'invalid'), answer);
  }
});

test('pushing asks for both rights, and mounting for the right to read the source', async () => {
  await using s = await tokenServer();
  const content = Buffer.from('blob');
  const digest = s.server.addBlob(content);
  const { registries, repository } = open(s.server.host, USER, 'push');
  using _ = registries;
  s.server.blobs.delete(digest);
  await repository
    .upload({
      descriptor: { digest, size: content.length },
      read: () => {
        throw new Error('not needed');
      },
      mountFrom: ['c/d'],
    })
    .catch(() => undefined);
  assert.deepEqual(s.scopes.slice(0, 2), [
    'repository:a/b:pull,push',
    'repository:a/b:pull,push repository:c/d:pull',
  ]);
});

test('a refresh token takes the place of a password', async () => {
  await using s = await tokenServer();
  s.server.addImage('a/b', 'v1', []);
  const { registries, repository } = open(s.server.host, { identityToken: 'r' });
  using _ = registries;
  await repository.fetchManifest('v1');
  assert.equal(s.server.count('POST /token'), 1);
});

test('wrong credentials are unauthorized and not tried again and again', async () => {
  await using s = await tokenServer();
  const { registries, repository } = open(s.server.host, { username: 'u', password: 'wrong' });
  using _ = registries;
  await assert.rejects(repository.fetchManifest('v1'), (error) => isEngineError(error, 'unauthorized'));
  assert.ok(s.server.requests.length <= 4, s.server.requests.join('\n'));
});

test('basic: without credentials the error tells for what, wrong ones are shown once', async () => {
  await using server = await FakeRegistry.start(({ headers }, response) => {
    if (headers.authorization === `Basic ${Buffer.from('u:p').toString('base64')}`) return false;
    sendError(response, 401, 'UNAUTHORIZED', { 'WWW-Authenticate': 'Basic realm="x"' });
    return true;
  });
  server.addImage('a/b', 'v1', []);
  const anonymous = open(server.host, {});
  using _a = anonymous.registries;
  await assert.rejects(anonymous.repository.fetchManifest('v1'), {
    code: 'unauthorized',
    reason: 'registry-wants-credentials',
    details: { url: `http://${server.host}/v2/a/b/manifests/v1` },
  });
  const wrong = open(server.host, { username: 'u', password: 'x' });
  using _w = wrong.registries;
  await assert.rejects(wrong.repository.fetchManifest('v1'), { code: 'unauthorized' });
  const right = open(server.host, USER);
  using _r = right.registries;
  await right.repository.fetchManifest('v1');
  await right.repository.fetchManifest('v1');
  assert.equal(server.count('Basic'), 3);
});

test('log-in: the refresh token is told, and a refusal for which URL it is', async () => {
  await using s = await tokenServer({ refresh_token: 'r' });
  using registries = createRegistries({ certificateDirectories: [] });
  const { host } = s.server;
  assert.deepEqual(await registries.login(host, USER), {
    identityToken: 'r',
    status: 'Login Succeeded',
  });
  await assert.rejects(registries.login(host, { username: 'u', password: 'x' }), {
    code: 'unauthorized',
  });
  await using basic = await FakeRegistry.start((_, response) => {
    sendError(response, 401, 'UNAUTHORIZED', { 'WWW-Authenticate': 'Basic realm="x"' });
    return true;
  });
  await assert.rejects(registries.login(`http://${basic.host}/`, USER), {
    code: 'unauthorized',
    reason: 'login-refused',
    details: { url: `http://${basic.host}/v2/` },
  });
});
