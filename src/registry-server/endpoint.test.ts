import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEndpoint } from './endpoint.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const SESSION = '01234567-89ab-cdef-0123-456789abcdef';

describe('parseEndpoint', () => {
  it('knows every path of the protocol', () => {
    assert.deepEqual(parseEndpoint('/v2/'), { kind: 'base' });
    assert.deepEqual(parseEndpoint('/v2/_catalog'), { kind: 'catalog' });
    const inRepository = {
      'tags/list': { kind: 'tags' },
      'manifests/v1.0': { kind: 'manifest', reference: { by: 'tag', tag: 'v1.0' } },
      [`manifests/${DIGEST}`]: { kind: 'manifest', reference: { by: 'digest', digest: DIGEST } },
      [`blobs/${DIGEST}`]: { kind: 'blob', digest: DIGEST },
      'blobs/uploads': { kind: 'uploads' },
      'blobs/uploads/': { kind: 'uploads' },
      [`blobs/uploads/${SESSION}`]: { kind: 'upload', session: SESSION },
      [`referrers/${DIGEST}`]: { kind: 'referrers', digest: DIGEST },
    };
    for (const repository of ['a', 'a/b', 'a/blobs/uploads', 'tags/list', 'manifests/manifests'])
      for (const [path, expected] of Object.entries(inRepository))
        assert.deepEqual(parseEndpoint(`/v2/${repository}/${path}`), { repository, ...expected }, path);
  });

  it('refuses everything else', () => {
    const cases = {
      '/v1/': 'NOT_FOUND',
      '/v2/a': 'NOT_FOUND',
      '/v2/a/%': 'NOT_FOUND',
      '/v2/a/blobs/x/y': 'NOT_FOUND',
      '/v2/A/tags/list': 'NAME_INVALID',
      '/v2/../tags/list': 'NAME_INVALID',
      '/v2/a/blobs/sha512:00': 'DIGEST_INVALID',
      '/v2/a/blobs/uploads/..': 'BLOB_UPLOAD_UNKNOWN',
    };
    for (const [path, entry] of Object.entries(cases))
      assert.throws(() => parseEndpoint(path), { entry }, path);
  });

  it('takes no longer for paths made to be slow', () => {
    const before = process.cpuUsage();
    for (const piece of ['a-', 'a__', 'a/', '-', 'blobs/uploads/'])
      assert.throws(() => parseEndpoint(`/v2/${piece.repeat(4000)}!/tags/list`));
    assert.ok(process.cpuUsage(before).user < 500_000);
  });
});
