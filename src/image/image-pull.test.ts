import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { until } from '#base/testing.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import { FakeRegistry, sendError } from '#registry/fake-registry.fixture.ts';
import { createRegistries } from '#registry/registries.ts';
import type { ContentWriter } from '#store/content.ts';
import { NO_FILTERS } from '#base/filters.ts';
import type { PullProgress } from './image-progress.ts';
import {
  ALL,
  contentOf,
  type Engine,
  LAYERS,
  open,
  sha256,
  tar,
  temporaryRoot,
} from './image-store.fixture.ts';

const root = temporaryRoot();

const SMALL_LAYER = tar({ 'etc/': '', 'etc/hello': 'hello' });
const BIG_LAYER = tar({ big: randomBytes(3_000_000), zeros: Buffer.alloc(500_000) });

interface Setting extends AsyncDisposable {
  readonly server: FakeRegistry;
  readonly engine: Engine;
  pull(
    reference: string,
    options?: { readonly signal?: AbortSignal; readonly platform?: string },
  ): Promise<readonly PullProgress[]>;
}

async function setting(): Promise<Setting> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await FakeRegistry.start());
  const registries = stack.use(
    createRegistries({
      retry: { attempts: 3, firstPauseMs: 5, maximumPauseMs: 20 },
      certificateDirectories: [],
    }),
  );
  const engine = stack.use(await open(root.path, { registries }));
  const resources = stack.move();
  return {
    server,
    engine,
    pull: (reference, options = {}) =>
      Array.fromAsync(engine.images.pull({ reference: `${server.host}/${reference}`, ...options })),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** How much of a blob has come, from now on. */
function arrivedOf({ content }: Engine, digest: string): () => number {
  const open = content.openWriter.bind(content);
  const writers: ContentWriter[] = [];
  content.openWriter = async (reference, options) => {
    const writer = await open(reference, options);
    if (reference === `blob ${digest}`) writers.push(writer);
    return writer;
  };
  return () => writers.at(-1)?.offset ?? 0;
}

/** The steps without counts of bytes, which depend on time. */
function stepsOf(progress: readonly PullProgress[]): readonly PullProgress[] {
  return progress.filter(({ kind }) => kind !== 'layer-bytes');
}

test('a pull tells what it does, step by step, and makes the image with its names', async () => {
  await using s = await setting();
  const image = s.server.addImage('a/b', 'v1', [SMALL_LAYER]);
  const name = `${s.server.host}/a/b:v1`;
  const layer = image.layers[0];
  const steps = ['queued', 'verifying', 'downloaded', 'completed'];
  assert.deepEqual(stepsOf(await s.pull('a/b:v1')), [
    { kind: 'pulling', path: 'a/b', target: 'v1' },
    ...steps.map((step) => ({ kind: 'layer', layer, step })),
    { kind: 'resolved', digest: image.digest },
    { kind: 'pulled', name, isNew: true },
  ]);
  const { id, tags, digests } = await s.engine.images.inspect(name);
  assert.equal(id, image.configDigest);
  assert.deepEqual(tags, [name]);
  assert.deepEqual(digests, [`${s.server.host}/a/b@${image.digest}`]);
  assert.deepEqual(s.engine.events.at(-1), {
    type: 'image',
    action: 'pull',
    id: `${s.server.host}/a/b:v1`,
    attributes: { name: `${s.server.host}/a/b` },
  });
});

test('an image that was pulled by its digest alone is dangling, and listed among what is not', async () => {
  await using s = await setting();
  const { digest } = s.server.addImage('a/b', 'v1', [SMALL_LAYER]);
  await s.pull(`a/b@${digest}`);
  const ids = async (dangling: string) => {
    const filters = new Map([['dangling', [dangling]]]);
    return (await s.engine.images.list({ ...ALL, filters })).map(({ id }) => id);
  };
  const all = (await s.engine.images.list(ALL)).map(({ id }) => id);
  assert.equal(all.length, 1);
  assert.deepEqual([await ids('true'), await ids('false')], [all, all]);
});

test('what is up to date costs one request, and no manifest', async () => {
  await using s = await setting();
  s.server.addImage('a/b', 'v1', [SMALL_LAYER]);
  await s.pull('a/b:v1');
  s.server.requests.length = 0;
  const name = `${s.server.host}/a/b:v1`;
  assert.deepEqual((await s.pull('a/b:v1')).at(-1), { kind: 'pulled', name, isNew: false });
  assert.deepEqual(
    s.server.requests.map((request) => request.split(' ')[0]),
    ['HEAD'],
  );
  const pulls = s.engine.events.filter(({ action, id }) => action === 'pull' && id === name);
  assert.equal(pulls.length, 2, 'it is a pull all the same');
});

test('the digest of a repository goes with its last tag, and only the tag is told', async () => {
  await using s = await setting();
  const name = `${s.server.host}/a/b`;
  const { digest } = s.server.addImage('a/b', 'v1', [SMALL_LAYER]);
  await s.pull('a/b:v1');
  s.engine.events.length = 0;
  const removals = await s.engine.images.remove(`${name}:v1`, { force: false, prune: true });
  assert.deepEqual(removals.slice(0, 2), [
    { kind: 'untagged', name: `${name}:v1` },
    { kind: 'untagged', name: `${name}@${digest}` },
  ]);
  assert.deepEqual(
    s.engine.events.map(({ action }) => action),
    ['untag', 'delete'],
  );
});

test('a moved tag fetches only the layers that are new', async () => {
  await using s = await setting();
  s.server.addImage('a/b', 'v1', LAYERS);
  await s.pull('a/b:v1');
  s.server.addImage('a/b', 'v1', [...LAYERS, SMALL_LAYER, BIG_LAYER]);
  s.server.requests.length = 0;
  const progress = await s.pull('a/b:v1');
  assert.equal(progress.filter((each) => each.kind === 'layer' && each.step === 'present').length, 4);
  assert.equal(s.server.count('GET', '/blobs/'), 2);
  assert.equal((await s.engine.images.list(ALL)).length, 2);
});

test('by digest, by all tags, and zstd and plain layers', async () => {
  await using s = await setting();
  const zstd = s.server.addImage('a/b', 'zstd', [BIG_LAYER], {
    compress: (layer) => zstdCompressSync(layer),
    layerType: MEDIA_TYPES.ociLayerZstd,
  });
  s.server.addImage('a/b', 'plain', [BIG_LAYER, SMALL_LAYER], {
    compress: (layer) => layer,
    layerType: MEDIA_TYPES.ociLayer,
  });
  await s.pull(`a/b@${zstd.digest}`);
  assert.deepEqual(
    (await s.engine.images.list(ALL)).flatMap((image) => image.tags),
    [],
  );
  const last = (await s.pull('a/b')).at(-1);
  assert.deepEqual(last, { kind: 'pulled', name: `${s.server.host}/a/b`, isNew: true });
  const tags = (await s.engine.images.list(ALL)).flatMap((image) => image.tags);
  assert.deepEqual(tags.toSorted(), [`${s.server.host}/a/b:plain`, `${s.server.host}/a/b:zstd`]);
});

function entry(digest: string, platform: object): object {
  return { mediaType: MEDIA_TYPES.ociManifest, digest, size: 1, platform };
}

test('an index gives the image of the platform', async () => {
  await using s = await setting();
  const amd64 = s.server.addImage('a/b', 'x', [SMALL_LAYER]);
  const arm64 = s.server.addImage('a/b', 'y', [SMALL_LAYER], { config: { architecture: 'arm64' } });
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [
        entry(`sha256:${'0'.repeat(64)}`, { os: 'unknown', architecture: 'unknown' }),
        entry(arm64.digest, { os: 'linux', architecture: 'arm64', variant: 'v8' }),
        entry(amd64.digest, { os: 'linux', architecture: 'amd64' }),
      ],
    }),
  );
  const digest = s.server.addManifest('a/b', 'multi', MEDIA_TYPES.ociIndex, index);
  await s.pull('a/b:multi', { platform: 'linux/arm64' });
  const image = await s.engine.images.inspect(`${s.server.host}/a/b:multi`);
  assert.equal(image.config.architecture, 'arm64');
  assert.deepEqual(image.digests, [`${s.server.host}/a/b@${digest}`]);
  await assert.rejects(s.pull('a/b:multi', { platform: 'linux/s390x' }), {
    code: 'not-found',
    reason: 'no-manifest-for-platform',
    details: { platform: 'linux/s390x' },
  });
  await assert.rejects(s.pull('a/b:x', { platform: 'linux/arm64' }), {
    code: 'not-found',
    reason: 'pulled-for-other-platform',
    details: { wanted: 'linux/arm64', actual: 'linux/amd64' },
  });
});

test('two pulls of one layer share the work; one that leaves does not stop the other', async () => {
  await using s = await setting();
  const arrived = Promise.withResolvers<ServerResponse>();
  const image = s.server.addImage('a/b', 'v1', [BIG_LAYER]);
  s.server.addImage('c/d', 'v1', [BIG_LAYER, SMALL_LAYER]);
  const blob = s.server.blobs.get(image.layers[0] ?? '') ?? Buffer.alloc(0);
  s.server.intercept = ({ url = '', method }, response) => {
    if (method !== 'GET' || !url.endsWith(`/blobs/${image.layers[0]}`)) return false;
    response.writeHead(200, { 'Content-Length': blob.length });
    response.write(blob.subarray(0, 1_000_000));
    arrived.resolve(response);
    return true;
  };
  const leaving = new AbortController();
  const first = s.pull('a/b:v1', { signal: leaving.signal });
  const response = await arrived.promise;
  const second = s.pull('c/d:v1');
  // The second has joined once its own layer is there.
  await until(() => s.engine.layers.get(sha256(SMALL_LAYER)) !== undefined, 'the small layer');
  leaving.abort(new Error('gone'));
  await assert.rejects(first, /gone/);
  response.end(blob.subarray(1_000_000));
  await second;
  assert.equal(s.server.count('GET', image.layers[0] ?? ''), 1);
});

test('a pull that everybody has left keeps what came, and the next continues', async () => {
  const leaving = new AbortController();
  {
    await using s = await setting();
    const image = s.server.addImage('a/b', 'v1', [SMALL_LAYER, BIG_LAYER]);
    const blob = s.server.blobs.get(image.layers[1] ?? '') ?? Buffer.alloc(0);
    s.server.intercept = ({ url = '' }, response) => {
      if (!url.endsWith(`/blobs/${image.layers[1]}`)) return false;
      response.writeHead(200, { 'Content-Length': blob.length });
      response.write(blob.subarray(0, 1_500_000));
      return true;
    };
    const arrived = arrivedOf(s.engine, image.layers[1] ?? '');
    const left = assert.rejects(s.pull('a/b:v1', { signal: leaving.signal }), /gone/);
    await until(
      () => s.engine.layers.get(sha256(SMALL_LAYER)) !== undefined && arrived() === 1_500_000,
      'half of the large layer',
    );
    leaving.abort(new Error('gone'));
    await left;
    assert.deepEqual(await s.engine.images.list(ALL), []);
  }
  await using s = await setting();
  const image = s.server.addImage('a/b', 'v1', [SMALL_LAYER, BIG_LAYER]);
  await s.pull('a/b:v1');
  assert.equal(s.server.count('GET', image.layers[0] ?? ''), 0, 'the whole layer is fetched again');
  assert.equal(
    s.server.count('GET', image.layers[1] ?? '', 'bytes=1500000-'),
    1,
    s.server.requests.join('\n'),
  );
  assert.deepEqual(readdirSync(join(root.path, 'content/ingest')), []);
});

test('what a pull left unfinished goes with a prune, and what another fetches stays', async () => {
  await using s = await setting();
  const image = s.server.addImage('a/b', 'v1', [SMALL_LAYER, BIG_LAYER]);
  const blob = s.server.blobs.get(image.layers[1] ?? '') ?? Buffer.alloc(0);
  const leaving = new AbortController();
  const half = Promise.withResolvers<ServerResponse>();
  s.server.intercept = ({ url = '', method }, response) => {
    if (method !== 'GET' || !url.endsWith(`/blobs/${image.layers[1]}`)) return false;
    response.writeHead(200, { 'Content-Length': blob.length });
    response.write(blob.subarray(0, 1_500_000));
    half.resolve(response);
    return true;
  };
  const pull = s.pull('a/b:v1', { signal: leaving.signal });
  await half.promise;
  await until(() => s.engine.layers.get(sha256(SMALL_LAYER)) !== undefined, 'the small layer');
  await s.engine.images.prune(NO_FILTERS);
  assert.ok(s.engine.layers.get(sha256(SMALL_LAYER)), 'what a pull needs was deleted');
  leaving.abort(new Error('gone'));
  await assert.rejects(pull, /gone/);
  const filters = new Map([['label', ['a=b']]]);
  assert.equal((await s.engine.images.prune(filters)).reclaimedBytes, 0);
  assert.ok((await contentOf(s.engine)).length > 0);
  const left = async () => [
    ...(await contentOf(s.engine)),
    ...readdirSync(join(root.path, 'content/ingest')),
  ];
  // The download that was cancelled puts its file away first.
  await until(async () => {
    await s.engine.images.prune(NO_FILTERS);
    return (await left()).length === 0;
  }, 'nothing is left of the download');
});

test('a beginning that was left damaged is fetched anew', async () => {
  await using s = await setting();
  const image = s.server.addImage('a/b', 'v1', [BIG_LAYER]);
  const digest = image.layers[0] ?? '';
  {
    await using writer = await s.engine.content.openWriter(`blob ${digest}`, { resumable: true });
    await writer.write(randomBytes(100_000));
  }
  await s.pull('a/b:v1');
  assert.deepEqual(
    s.server.requests.filter((request) => request.includes(digest)).map((request) => request.split(' ')[2]),
    ['bytes=100000-', '-'],
  );
});

test('wrong bytes leave nothing, and a retry works', async () => {
  await using s = await setting();
  const image = s.server.addImage('a/b', 'v1', [SMALL_LAYER, BIG_LAYER]);
  const digest = image.layers[1] ?? '';
  const right = s.server.blobs.get(digest) ?? Buffer.alloc(0);
  s.server.blobs.set(digest, Buffer.concat([right.subarray(0, 1000), randomBytes(right.length - 1000)]));
  await assert.rejects(s.pull('a/b:v1'), {
    code: 'invalid',
    reason: 'pulled-layer-damaged',
    details: { digest },
  });
  assert.deepEqual(await s.engine.images.list(ALL), []);
  assert.equal((await contentOf(s.engine)).filter((text) => text.includes(digest)).length, 0);
  s.server.blobs.set(digest, right);
  await s.pull('a/b:v1');
});

test('what images must not be is refused before it is used', async () => {
  await using s = await setting();
  const { server } = s;
  const cases: readonly [name: string, message: RegExp, prepare: () => void][] = [
    [
      'truncated gzip',
      /unexpected EOF/,
      () =>
        server.addImage('a/b', 'v', [BIG_LAYER], {
          compress: (layer) => gzipSync(layer).subarray(0, 1_000_000),
        }),
    ],
    ['no gzip', /damaged/, () => server.addImage('a/b', 'v', [SMALL_LAYER], { compress: (layer) => layer })],
    [
      'another diff ID',
      /its diff ID is sha256:/,
      () =>
        server.addImage('a/b', 'v', [SMALL_LAYER], {
          config: { rootfs: { type: 'layers', diff_ids: [sha256(BIG_LAYER)] } },
        }),
    ],
    [
      'too few diff IDs',
      /its configuration has 0 layers, its manifest 1/,
      () =>
        server.addImage('a/b', 'v', [SMALL_LAYER], { config: { rootfs: { type: 'layers', diff_ids: [] } } }),
    ],
    [
      'a diff ID that is a path',
      /not a sha256 digest/,
      () =>
        server.addImage('a/b', 'v', [SMALL_LAYER], {
          config: { rootfs: { type: 'layers', diff_ids: ['../../etc'] } },
        }),
    ],
    [
      'Windows',
      /it is for windows, not for linux/,
      () => server.addImage('a/b', 'v', [SMALL_LAYER], { config: { os: 'windows' } }),
    ],
    [
      'a foreign layer',
      /is foreign/,
      () =>
        server.addImage('a/b', 'v', [SMALL_LAYER], {
          layerType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
        }),
    ],
    [
      'no layer',
      /unsupported layer media type "text\/plain"/,
      () => server.addImage('a/b', 'v', [SMALL_LAYER], { layerType: 'text/plain' }),
    ],
    [
      'a chart',
      /it is no image/,
      () =>
        server.addImage('a/b', 'v', [SMALL_LAYER], {
          configType: 'application/vnd.cncf.helm.config.v1+json',
        }),
    ],
    [
      'an old manifest',
      /format v1 is no longer supported/,
      () =>
        server.addManifest(
          'a/b',
          'v',
          'application/vnd.docker.distribution.manifest.v1+prettyjws',
          Buffer.from('{"schemaVersion":1}'),
        ),
    ],
    [
      'a negative size',
      /size is negative/,
      () =>
        server.addManifest(
          'a/b',
          'v',
          MEDIA_TYPES.ociManifest,
          Buffer.from(`{"schemaVersion":2,"config":{"digest":"sha256:${'0'.repeat(64)}","size":-1}}`),
        ),
    ],
    [
      'a huge configuration',
      /more than 8388608 bytes/,
      () =>
        server.addManifest(
          'a/b',
          'v',
          MEDIA_TYPES.ociManifest,
          Buffer.from(`{"schemaVersion":2,"config":{"digest":"sha256:${'0'.repeat(64)}","size":9000000000}}`),
        ),
    ],
    [
      'a deep manifest',
      /Cannot|too deep|config is missing/,
      () =>
        server.addManifest(
          'a/b',
          'v',
          MEDIA_TYPES.ociManifest,
          Buffer.from(`{"schemaVersion":2,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
        ),
    ],
  ];
  for (const [name, message, prepare] of cases) {
    prepare();
    await assert.rejects(s.pull('a/b:v'), (error) => {
      assert.match(String(error), message, name);
      return true;
    });
    assert.deepEqual(await s.engine.images.list(ALL), [], name);
  }
});

test('refusals say what of the image is not to be had, and what the registry answers', async () => {
  await using s = await setting();
  const name = `${s.server.host}/a/b`;
  await assert.rejects(s.pull('a/b:v1'), {
    code: 'not-found',
    reason: 'manifest-unknown',
    subject: `${name}:v1`,
    details: { answer: 'manifest unknown: manifest unknown' },
  });
  s.server.intercept = (_, response) => {
    sendError(response, 403, 'DENIED');
    return true;
  };
  await assert.rejects(s.pull('a/b:v1'), {
    code: 'not-found',
    reason: 'pull-denied',
    subject: name,
    details: { answer: 'denied: denied' },
  });
});
