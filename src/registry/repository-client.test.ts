import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { ErrorCode } from '#base/errors.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import { downloadBlob } from './download.ts';
import { digestOf, FakeRegistry, type Intercept, sendError } from './fake-registry.fixture.ts';
import { createRegistries, type RegistriesOptions } from './registries.ts';
import { RegistryFailure } from './registry-failure.ts';
import type { Repository } from './registry.ts';

const QUICK = { retry: { attempts: 4, firstPauseMs: 5, maximumPauseMs: 20 }, certificateDirectories: [] };
/** A machine that is busy elsewhere lets more stalls be seen than there are: for tests that count none. */
const IMPATIENT = { ...QUICK, timeouts: { stallMs: 150 } };

interface Setting extends AsyncDisposable {
  readonly server: FakeRegistry;
  readonly repository: Repository;
  download(content: Buffer, offset?: number, signal?: AbortSignal): Promise<Buffer>;
}

async function setting(
  intercept?: Intercept,
  credentials = {},
  options: RegistriesOptions = QUICK,
): Promise<Setting> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await FakeRegistry.start(intercept));
  const registries = stack.use(createRegistries(options));
  const repository = registries.open({ domain: server.host, path: 'a/b' }, { credentials, access: 'pull' });
  const resources = stack.move();
  return {
    server,
    repository,
    download: async (content, offset = 0, signal) => {
      const descriptor = { digest: digestOf(content), size: content.length };
      const download = {
        repository,
        descriptor,
        offset,
        retry: registries.retry,
        ...(signal ? { signal } : {}),
      };
      return Buffer.concat(await Array.fromAsync(downloadBlob(download)));
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function failure(code: ErrorCode, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RegistryFailure, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  };
}

/** The first `count` requests for blobs are answered by `answer`. */
function firstBlobs(count: number, answer: (response: ServerResponse) => void): Intercept {
  let left = count;
  return ({ url = '', method }, response) => {
    if (!url.includes('/blobs/sha256') || method !== 'GET' || left === 0) return false;
    left--;
    answer(response);
    return true;
  };
}

const CONTENT = randomBytes(300_000);

test('a manifest by tag and by digest, with its media type; resolving does not fetch it', async () => {
  await using s = await setting();
  const { digest } = s.server.addImage('a/b', 'v1', []);
  const byTag = await s.repository.fetchManifest('v1');
  assert.equal(byTag.digest, digest);
  assert.equal(byTag.mediaType, MEDIA_TYPES.ociManifest);
  assert.deepEqual(await s.repository.fetchManifest(digest), byTag);
  const resolved = await s.repository.resolve('v1');
  assert.deepEqual(resolved, { mediaType: byTag.mediaType, digest, size: byTag.content.length });
  assert.equal(s.server.count('HEAD', 'manifests/v1'), 1);
});

test('what is missing is not-found, in the words of the registry', async () => {
  await using s = await setting();
  await assert.rejects(
    s.repository.fetchManifest('v1'),
    failure('not-found', /^manifest unknown: manifest unknown$/),
  );
  assert.equal(s.server.count('manifests'), 1);
});

test('a manifest that is not what its digest says is refused', async () => {
  await using s = await setting();
  const digest = s.server.addManifest(
    'a/b',
    'v1',
    MEDIA_TYPES.ociManifest,
    Buffer.from('{"schemaVersion":2}'),
  );
  s.server.manifests.set(`a/b@${digest}`, { mediaType: MEDIA_TYPES.ociManifest, content: Buffer.from('{}') });
  await assert.rejects(s.repository.fetchManifest(digest), failure('invalid', /its content is sha256:/));
});

test('web pages, huge manifests and manifests that are no JSON are refused', async () => {
  await using s = await setting();
  const { manifests } = s.server;
  manifests.set('a/b:html', { mediaType: 'text/html; charset=utf-8', content: Buffer.from('<html>') });
  manifests.set('a/b:huge', {
    mediaType: MEDIA_TYPES.ociManifest,
    content: Buffer.alloc(5 * 1024 * 1024, ' '),
  });
  manifests.set('a/b:text', { mediaType: MEDIA_TYPES.ociManifest, content: Buffer.from('no') });
  await assert.rejects(s.repository.fetchManifest('html'), failure('invalid', /a web page/));
  await assert.rejects(s.repository.fetchManifest('huge'), failure('invalid', /larger than 4194304 bytes/));
  await assert.rejects(s.repository.fetchManifest('text'), /not JSON/);
});

test('a download that is cut continues where it was', async () => {
  let cuts = 0;
  await using s = await setting(({ url = '', headers }, response) => {
    if (!url.includes('/blobs/') || cuts === 3) return false;
    cuts++;
    const start = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      'Content-Length': CONTENT.length - start,
      ...(start > 0 ? { 'Content-Range': `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` } : {}),
    });
    response.write(CONTENT.subarray(start, start + 50_000), () => response.destroy());
    return true;
  });
  s.server.addBlob(CONTENT);
  assert.ok((await s.download(CONTENT)).equals(CONTENT));
  assert.match(s.server.requests.at(-1) ?? '', /bytes=150000-/);
});

test('what is here already is not fetched again, also where the registry does no ranges', async () => {
  await using s = await setting();
  s.server.addBlob(CONTENT);
  assert.ok((await s.download(CONTENT, 200_000)).equals(CONTENT.subarray(200_000)));
  assert.match(s.server.requests.at(-1) ?? '', /bytes=200000-/);
  s.server.intercept = firstBlobs(1, (response) => response.end(CONTENT));
  assert.ok((await s.download(CONTENT, 200_000)).equals(CONTENT.subarray(200_000)));
  const before = s.server.requests.length;
  assert.equal((await s.download(CONTENT, CONTENT.length)).length, 0);
  assert.equal(s.server.requests.length, before);
});

test('lengths that differ from the manifest are refused', async () => {
  await using s = await setting();
  s.server.blobs.set(digestOf(CONTENT), Buffer.concat([CONTENT, CONTENT]));
  await assert.rejects(
    s.download(CONTENT),
    failure('invalid', /sends 600000 bytes where the manifest says 300000/),
  );
  s.server.blobs.set(digestOf(CONTENT), CONTENT.subarray(1));
  await assert.rejects(s.download(CONTENT), failure('invalid', /sends 299999 bytes/));
  s.server.intercept = firstBlobs(10, (response) => {
    response.write(CONTENT);
    response.end(CONTENT);
  });
  await assert.rejects(s.download(CONTENT), failure('invalid', /more than 300000 bytes/));
});

test('a stall is a cut', async () => {
  const stallsAtFirst: Intercept = ({ url = '', headers }, response) => {
    if (!url.includes('/blobs/') || headers.range !== undefined) return false;
    response.writeHead(200, { 'Content-Length': CONTENT.length });
    response.write(CONTENT.subarray(0, 1000));
    return true;
  };
  const patient = { ...IMPATIENT, retry: { ...QUICK.retry, attempts: 50 } };
  await using s = await setting(stallsAtFirst, {}, patient);
  s.server.addBlob(CONTENT);
  assert.ok((await s.download(CONTENT)).equals(CONTENT));
  assert.ok(s.server.count('GET', 'bytes=1000-') > 0, s.server.requests.join('\n'));
});

test('a registry that stalls for ever is given up', async () => {
  await using s = await setting(
    firstBlobs(99, () => undefined),
    {},
    IMPATIENT,
  );
  await assert.rejects(s.download(CONTENT), failure('unavailable', /nothing moved for 150 ms/));
  assert.equal(s.server.count('GET', '/blobs/'), 4);
});

test('a slow reader is no stall', async () => {
  await using s = await setting(undefined, {}, { ...QUICK, timeouts: { stallMs: 2000 } });
  const big = randomBytes(8_000_000);
  s.server.addBlob(big);
  const descriptor = { digest: digestOf(big), size: big.length };
  const once = { attempts: 1, firstPauseMs: 1, maximumPauseMs: 1, maximumRetryAfterMs: 1 };
  let length = 0;
  for await (const chunk of downloadBlob({ repository: s.repository, descriptor, offset: 0, retry: once })) {
    // Longer than the registry may say nothing: how long is the subject.
    if (length === 0) await new Promise((resolve) => setTimeout(resolve, 5000));
    length += chunk.length;
  }
  assert.equal(length, big.length);
});

test('429 and 503 are waited for as long as they ask', async () => {
  await using s = await setting(
    firstBlobs(2, (response) => sendError(response, 429, 'TOOMANYREQUESTS', { 'Retry-After': '1' })),
  );
  s.server.addBlob(CONTENT);
  const startedMs = performance.now();
  assert.ok((await s.download(CONTENT)).equals(CONTENT));
  // How long it waits is the subject; a busy machine makes it longer only.
  assert.ok(performance.now() - startedMs >= 1990);
  s.server.intercept = firstBlobs(1, (response) =>
    sendError(response, 429, 'TOOMANYREQUESTS', { 'Retry-After': '100000' }),
  );
  await assert.rejects(s.download(CONTENT), failure('exhausted', /toomanyrequests/));
});

test('redirects to blob storage take no credentials along', async () => {
  await using storage = await FakeRegistry.start();
  storage.addBlob(CONTENT);
  await using s = await setting(
    ({ url = '', headers }, response) => {
      if (headers.authorization === undefined)
        sendError(response, 401, 'UNAUTHORIZED', { 'WWW-Authenticate': 'Basic realm="x"' });
      else response.writeHead(307, { Location: `http://${storage.host}${url}?signature=s` }).end();
      return true;
    },
    { username: 'u', password: 'p' },
  );
  assert.ok((await s.download(CONTENT)).equals(CONTENT));
  assert.match(s.server.requests.at(-1) ?? '', / Basic dTpw$/);
  assert.equal(storage.requests.length, 1);
  assert.match(storage.requests[0] ?? '', /signature=s - -$/);
});

test('a redirect loop ends', async () => {
  await using s = await setting(({ url = '' }, response) => {
    response.writeHead(302, { Location: url }).end();
    return true;
  });
  await assert.rejects(s.repository.fetchManifest('v1'), failure('invalid', /stopped after 10 redirects/));
  assert.ok(s.server.requests.length <= 13);
});

test('an address where nothing listens fails at once', async () => {
  using registries = createRegistries({ ...QUICK, retry: { firstPauseMs: 10_000 } });
  // A port that was free a moment ago may be taken now.
  const repository = registries.open(
    { domain: '127.0.0.1:1', path: 'a/b' },
    { credentials: {}, access: 'pull' },
  );
  await assert.rejects(
    repository.fetchManifest('v1'),
    failure('unavailable', /^Cannot reach registry .*ECONNREFUSED/),
  );
});

test('an abort ends a download with its reason', async () => {
  const abort = new AbortController();
  await using server = await FakeRegistry.start(firstBlobs(1, () => abort.abort(new Error('enough'))));
  using registries = createRegistries(QUICK);
  const { signal } = abort;
  const repository = registries.open(
    { domain: server.host, path: 'a/b' },
    { credentials: {}, access: 'pull', signal },
  );
  const descriptor = { digest: digestOf(CONTENT), size: CONTENT.length };
  const download = Array.fromAsync(
    downloadBlob({ repository, descriptor, offset: 0, retry: registries.retry, signal }),
  );
  await assert.rejects(download, /enough/);
});

test('tags come page by page', async () => {
  await using s = await setting();
  for (const tag of ['1', '2', '3']) s.server.addImage('a/b', tag, []);
  assert.deepEqual(await Array.fromAsync(s.repository.tags()), ['1', '2', '3']);
});

function referrer(name: string, artifactType: string) {
  return { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf(Buffer.from(name)), size: 1, artifactType };
}

function indexOf(...manifests: readonly object[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }));
}

test('referrers come page by page, filtered here where the registry does not', async () => {
  const [sbom, signature, other] = [referrer('1', 'a/sbom'), referrer('2', 'a/sig'), referrer('3', 'a/sbom')];
  const subject = digestOf(Buffer.from('subject'));
  await using s = await setting(({ url = '' }, response) => {
    if (!url.startsWith(`/v2/a/b/referrers/${subject}`)) return false;
    const isSecond = url.includes('page=2');
    const headers = { 'Content-Type': MEDIA_TYPES.ociIndex };
    const link = { Link: `</v2/a/b/referrers/${subject}?page=2>; rel="next"` };
    response.writeHead(200, isSecond ? headers : { ...headers, ...link });
    response.end(isSecond ? indexOf(other) : indexOf(sbom, signature));
    return true;
  });
  assert.deepEqual(await s.repository.referrers(subject), [sbom, signature, other]);
  assert.deepEqual(await s.repository.referrers(subject, 'a/sbom'), [sbom, other]);
  assert.equal(s.server.count('GET', 'artifactType=a%2Fsbom'), 1);
});

test('referrers of a registry that knows none lie under a tag, or nowhere', async () => {
  await using s = await setting();
  const subject = digestOf(Buffer.from('subject'));
  assert.deepEqual(await s.repository.referrers(subject), []);
  const sbom = referrer('1', 'a/sbom');
  s.server.addManifest('a/b', subject.replace(':', '-'), MEDIA_TYPES.ociIndex, indexOf(sbom));
  assert.deepEqual(await s.repository.referrers(subject), [sbom]);
  assert.deepEqual(await s.repository.referrers(subject, 'a/sig'), []);
});

test('a redirect that leads out of TLS, nowhere or into a file is refused', async () => {
  for (const location of ['file:///etc/passwd', 'https://', 'javascript:1']) {
    await using s = await setting((_, response) => {
      response.writeHead(307, { Location: location }).end();
      return true;
    });
    await assert.rejects(s.repository.fetchManifest('v1'), failure('invalid', /it redirects to/), location);
  }
});
