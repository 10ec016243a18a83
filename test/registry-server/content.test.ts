import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  bodyOf,
  CONFIG,
  digestOf,
  imageManifest,
  readJson,
  OCI_INDEX,
  OCI_MANIFEST,
  Served,
  sized,
} from './served.ts';

const LAYER = randomBytes(1_000_000);
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

interface Index {
  readonly manifests: readonly object[];
}

describe('what a registry holds', () => {
  let served: Served;
  before(async () => {
    served = await Served.start();
  });
  after(() => served[Symbol.asyncDispose]());

  it('answers the version check', async () => {
    const response = await served.expect(200, 'GET', '/v2/');
    assert.equal(response.headers.get('docker-distribution-api-version'), 'registry/2.0');
    assert.equal(await served.errorOf('POST', '/v2/'), '405 UNSUPPORTED');
    assert.equal(await served.errorOf('GET', '/v3/'), '404 UNSUPPORTED');
  });

  it('refuses names that are none', async () => {
    for (const name of ['UPPER', 'a//b', '-a', 'a/_b', 'a'.repeat(256), 'a%2f..%2fb'])
      assert.equal(await served.errorOf('GET', `/v2/${name}/tags/list`), '400 NAME_INVALID', name);
    assert.equal(await served.errorOf('GET', '/v2/a%zz/tags/list'), '404 UNSUPPORTED');
  });

  it('gives blobs, whole and in part', async () => {
    const digest = await served.pushBlob('c/blob', LAYER);
    const url = `/v2/c/blob/blobs/${digest}`;
    const head = await served.expect(200, 'HEAD', url);
    assert.equal(head.headers.get('content-length'), String(LAYER.length));
    assert.equal(head.headers.get('docker-content-digest'), digest);
    const whole = await served.expect(200, 'GET', url);
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), LAYER);
    const ranges = {
      'bytes=0-9': [0, 10],
      'bytes=500000-': [500_000, 1_000_000],
      'bytes=-5': [999_995, 1_000_000],
    };
    for (const [range, [from, to]] of Object.entries(ranges)) {
      const part = await served.expect(206, 'GET', url, { headers: { range } });
      assert.equal(part.headers.get('content-range'), `bytes ${from}-${Number(to) - 1}/1000000`);
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), LAYER.subarray(from, to), range);
    }
    const beyond = await served.expect(416, 'GET', url, { headers: { range: 'bytes=1000000-' } });
    assert.equal(beyond.headers.get('content-range'), 'bytes */1000000');
    await served.expect(304, 'GET', url, { headers: { 'if-none-match': `"${digest}"` } });
    const empty = await served.pushBlob('c/blob', Buffer.alloc(0));
    assert.equal(await (await served.expect(200, 'GET', `/v2/c/blob/blobs/${empty}`)).text(), '');
  });

  it('gives a blob only through the repositories that have it', async () => {
    const digest = await served.pushBlob('c/private', Buffer.from('private'));
    await served.pushBlob('c/other', Buffer.from('other'));
    assert.equal(await served.errorOf('GET', `/v2/c/other/blobs/${digest}`), '404 BLOB_UNKNOWN');
    assert.equal(await served.errorOf('GET', `/v2/c/unknown/blobs/${digest}`), '404 NAME_UNKNOWN');
    assert.equal(await served.errorOf('GET', '/v2/c/other/blobs/sha256:short'), '400 DIGEST_INVALID');
  });

  it('gives manifests by tag and by digest, byte for byte', async () => {
    const manifest = imageManifest([LAYER]);
    const digest = await served.pushImage('c/image', 'v1', [LAYER]);
    for (const reference of ['v1', digest]) {
      const response = await served.expect(200, 'GET', `/v2/c/image/manifests/${reference}`);
      assert.equal(response.headers.get('content-type'), OCI_MANIFEST);
      assert.equal(response.headers.get('docker-content-digest'), digest);
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), manifest);
      const head = await served.expect(200, 'HEAD', `/v2/c/image/manifests/${reference}`);
      assert.equal(head.headers.get('content-length'), String(manifest.length));
    }
    assert.equal(await served.errorOf('GET', '/v2/c/image/manifests/v2'), '404 MANIFEST_UNKNOWN');
    assert.equal(await served.errorOf('GET', '/v2/c/image/manifests/.none'), '404 MANIFEST_UNKNOWN');
  });

  it('takes manifests only with everything that they name', async () => {
    const url = '/v2/c/strict/manifests/v1';
    const push = (body: Buffer, type = OCI_MANIFEST) =>
      served.errorOf('PUT', url, { headers: { 'content-type': type }, body: bodyOf(body) });
    assert.equal(await push(imageManifest([LAYER])), '400 MANIFEST_BLOB_UNKNOWN');
    await served.pushBlob('c/strict', CONFIG);
    assert.equal(await push(imageManifest([LAYER])), '400 MANIFEST_BLOB_UNKNOWN');
    await served.pushBlob('c/strict', LAYER);
    const lying = { ...sized(LAYER), size: 5, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
    assert.equal(await push(imageManifest([], { layers: [lying] })), '400 SIZE_INVALID');
    assert.equal(await push(Buffer.from('{')), '400 MANIFEST_INVALID');
    assert.equal(await push(Buffer.from('[]')), '400 MANIFEST_INVALID');
    assert.equal(await push(imageManifest([LAYER]), 'text/plain'), '400 MANIFEST_INVALID');
    assert.equal(await push(imageManifest([LAYER]), DOCKER_MANIFEST), '400 MANIFEST_INVALID');
    assert.equal(await push(imageManifest([LAYER], { manifests: [] })), '400 MANIFEST_INVALID');
    assert.equal(
      await push(imageManifest([LAYER], { layers: [{ digest: '../../etc/passwd' }] })),
      '400 MANIFEST_INVALID',
    );
    assert.equal(await push(Buffer.alloc(4 * 1024 * 1024 + 1, ' ')), '413 MANIFEST_INVALID');
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: OCI_MANIFEST, ...sized(imageManifest([LAYER])) }],
      }),
    );
    assert.equal(await push(index, OCI_INDEX), '400 MANIFEST_BLOB_UNKNOWN');
    await served.pushManifest('c/strict', digestOf(imageManifest([LAYER])), imageManifest([LAYER]));
    await served.pushManifest('c/strict', 'multi', index, OCI_INDEX);
    const wrong = `/v2/c/strict/manifests/${digestOf(LAYER)}`;
    const body = bodyOf(imageManifest([LAYER]));
    const headers = { 'content-type': OCI_MANIFEST };
    assert.equal(await served.errorOf('PUT', wrong, { headers, body }), '400 DIGEST_INVALID');
    assert.equal(
      await served.errorOf('PUT', '/v2/c/strict/manifests/.no', { headers, body }),
      '400 TAG_INVALID',
    );
  });

  it('lets layers lie elsewhere that say so', async () => {
    await served.pushBlob('c/foreign', CONFIG);
    const type = 'application/vnd.oci.image.layer.nondistributable.v1.tar';
    const layer = { mediaType: type, ...sized(LAYER), urls: ['https://example.invalid/layer'] };
    await served.pushManifest('c/foreign', 'v1', imageManifest([], { layers: [layer] }));
  });

  it('lists tags and repositories in pages', async () => {
    const digests = [await served.pushImage('list/a', 'one', [LAYER])];
    for (const tag of ['two', 'three', 'four', 'five'])
      digests.push(await served.pushImage('list/a', tag, [LAYER]));
    await served.pushImage('list/b', 'one', [LAYER]);
    const all = await (await served.expect(200, 'GET', '/v2/list/a/tags/list')).json();
    assert.deepEqual(all, { name: 'list/a', tags: ['five', 'four', 'one', 'three', 'two'] });
    assert.deepEqual(await walk('/v2/list/a/tags/list?n=2', 'tags'), [
      ['five', 'four'],
      ['one', 'three'],
      ['two'],
    ]);
    const repositories = (await walk('/v2/_catalog?n=1', 'repositories')).flat();
    assert.deepEqual(repositories, repositories.toSorted());
    assert.ok(repositories.includes('list/a') && repositories.includes('list/b'));
    const none = await readJson<{ tags: string[] }>(
      await served.expect(200, 'GET', '/v2/list/a/tags/list?n=0'),
    );
    assert.deepEqual(none.tags, []);
    assert.equal(await served.errorOf('GET', '/v2/list/a/tags/list?n=x'), '400 PAGINATION_NUMBER_INVALID');
    assert.equal(await served.errorOf('GET', '/v2/list/none/tags/list'), '404 NAME_UNKNOWN');
  });

  const walk = async (first: string, field: string): Promise<string[][]> => {
    const pages: string[][] = [];
    for (let next: string | undefined = first; next !== undefined; ) {
      const response: Response = await served.expect(200, 'GET', next);
      pages.push((await readJson<Record<string, string[]>>(response))[field] ?? []);
      next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
    }
    return pages;
  };

  it('finds what refers to a manifest', async () => {
    const subject = imageManifest([LAYER]);
    const digest = await served.pushImage('c/refer', 'v1', [LAYER]);
    const empty = await (await served.expect(200, 'GET', `/v2/c/refer/referrers/${digest}`)).json();
    assert.deepEqual(empty, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
    const artifact = (artifactType: string) =>
      imageManifest([], {
        artifactType,
        subject: { mediaType: OCI_MANIFEST, ...sized(subject) },
        annotations: { kind: artifactType },
      });
    for (const type of ['application/x.sbom', 'application/x.signature']) {
      const response = await served.pushManifest('c/refer', digestOf(artifact(type)), artifact(type));
      assert.equal(response.headers.get('oci-subject'), digest);
    }
    const all = await served.expect(200, 'GET', `/v2/c/refer/referrers/${digest}`);
    assert.equal(all.headers.get('content-type'), OCI_INDEX);
    assert.equal(all.headers.get('oci-filters-applied'), null);
    assert.equal((await readJson<Index>(all)).manifests.length, 2);
    const filtered = await served.expect(
      200,
      'GET',
      `/v2/c/refer/referrers/${digest}?artifactType=application/x.sbom`,
    );
    assert.equal(filtered.headers.get('oci-filters-applied'), 'artifactType');
    assert.deepEqual((await readJson<Index>(filtered)).manifests, [
      {
        mediaType: OCI_MANIFEST,
        ...sized(artifact('application/x.sbom')),
        artifactType: 'application/x.sbom',
        annotations: { kind: 'application/x.sbom' },
      },
    ]);
    assert.equal(await served.errorOf('GET', '/v2/c/refer/referrers/x'), '400 DIGEST_INVALID');
  });

  it('deletes tags, manifests and blobs', async () => {
    const layer = randomBytes(100);
    const digest = await served.pushImage('c/delete', 'v1', [layer]);
    await served.pushImage('c/delete', 'v2', [layer]);
    const blob = `/v2/c/delete/blobs/${digestOf(layer)}`;
    assert.equal(await served.errorOf('DELETE', blob), '403 DENIED');
    await served.expect(202, 'DELETE', '/v2/c/delete/manifests/v1');
    assert.equal(await served.errorOf('DELETE', '/v2/c/delete/manifests/v1'), '404 MANIFEST_UNKNOWN');
    await served.expect(200, 'GET', `/v2/c/delete/manifests/${digest}`);
    await served.expect(202, 'DELETE', `/v2/c/delete/manifests/${digest}`);
    for (const reference of ['v2', digest])
      assert.equal(
        await served.errorOf('GET', `/v2/c/delete/manifests/${reference}`),
        '404 MANIFEST_UNKNOWN',
      );
    await served.expect(202, 'DELETE', blob);
    assert.equal(await served.errorOf('GET', blob), '404 BLOB_UNKNOWN');
    assert.equal(await served.errorOf('DELETE', blob), '404 BLOB_UNKNOWN');
  });

  it('changes nothing when it is read-only', async () => {
    await using first = await Served.start({ root: join(served.root, 'ro') });
    await first.pushImage('ro', 'v1', [LAYER]);
    await first.registry[Symbol.asyncDispose]();
    await using second = await Served.start({ root: first.root, readOnly: true });
    await second.expect(200, 'GET', '/v2/ro/manifests/v1');
    assert.equal(await second.errorOf('POST', '/v2/ro/blobs/uploads/'), '405 UNSUPPORTED');
    assert.equal(await second.errorOf('DELETE', '/v2/ro/manifests/v1'), '405 UNSUPPORTED');
  });
});
