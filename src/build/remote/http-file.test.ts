import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { TestProxy, withProxies } from '#registry/test-proxy.fixture.ts';
import { download, fileName } from './http-file.ts';
import { withoutPassword } from '#registry/open-url.ts';

const directory = mkdtempSync('/tmp/caisson-download-');
let origin = '';
const server = createServer((request, response) => {
  if (request.url === '/cut')
    return void response.writeHead(200, { 'content-length': '100' }).write('short', () => response.destroy());
  if (request.url === '/loop') return void response.writeHead(302, { location: '/loop' }).end();
  if (request.url === '/file') return void response.writeHead(302, { location: 'file:///etc/passwd' }).end();
  if (request.url === '/private') return void response.end(request.headers.authorization);
  if (request.url === '/packed')
    return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unpacked'));
  if (request.url === '/broken')
    return void response.writeHead(200, { 'content-encoding': 'gzip' }).end('no');
  return void response.end('0123456789');
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});

after(() => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const { signal } = new AbortController();

test('a file has its mode and time whatever the umask; passwords go into a header', async () => {
  const path = join(directory, 'private');
  const metadata = await download({ url: `${origin.replace('//', '//user:p%40ss@')}/private`, path, signal });
  assert.equal(readFileSync(path, 'utf8'), `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  assert.equal(statSync(path).mode & 0o7777, 0o600);
  assert.equal(statSync(path).mtimeMs, 0);
  assert.equal(metadata?.name, 'private');
});

test('what a server packs on the way is unpacked', async () => {
  const path = join(directory, 'packed');
  await download({ url: `${origin}/packed`, path, signal });
  assert.equal(readFileSync(path, 'utf8'), 'unpacked');
  await assert.rejects(download({ url: `${origin}/broken`, path: `${path}-not`, signal }), {
    code: 'unavailable',
  });
});

test('what is too large, breaks off or is given up leaves no file', async () => {
  const path = join(directory, 'none');
  const large = download({ url: `${origin}/large`, path, signal, maximumBytes: 9 });
  await assert.rejects(large, { code: 'exhausted', message: /larger than 9 bytes/ });
  await assert.rejects(download({ url: `${origin}/cut`, path, signal }), { code: 'unavailable' });
  const reason = new Error('given up');
  await assert.rejects(download({ url: `${origin}/x`, path, signal: AbortSignal.abort(reason) }), reason);
  assert.equal(existsSync(path), false);
});

test('the proxies of the environment are used; redirects end', async () => {
  await using stack = new AsyncDisposableStack();
  const proxy = stack.use(await TestProxy.start({ 'files.test': Number(new URL(origin).port) }));
  stack.use(withProxies({ HTTP_PROXY: proxy.url, NO_PROXY: 'other.test' }));
  const path = join(directory, 'proxied');
  await download({ url: 'http://files.test/whole', path, signal });
  assert.equal(readFileSync(path, 'utf8'), '0123456789');
  assert.equal(proxy.seen.length, 1);
  await assert.rejects(
    download({ url: `${origin}/loop`, path: `${path}-loop`, signal }),
    /too many redirects/,
  );
  await assert.rejects(
    download({ url: `${origin}/file`, path: `${path}-file`, signal }),
    /redirected to "file:/,
  );
});

test('names: of the URL, or what the server says, and never a path', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['http://host/a/b.tar.gz?x=/y', '', 'b.tar.gz'],
    ['http://host/a%20b', 'attachment; filename="other"', 'a b'],
    ['http://host/', 'attachment; filename="../../etc/said"', 'said'],
    ['http://host/d/', 'attachment; filename=plain; size=1', 'plain'],
    ['http://host/', '', '__unnamed__'],
    ['http://host/%2e%2e', '', '__unnamed__'],
    ['http://host/x%2fy', '', 'y'],
  ];
  for (const [url, disposition, name] of cases) assert.equal(fileName(url, disposition), name, url);
  assert.equal(withoutPassword('http://user:secret@host/'), 'http://user:xxxxx@host/');
});
