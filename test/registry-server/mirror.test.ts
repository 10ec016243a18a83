import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { openUpstream } from '../../src/registry-server/registry-upstream.ts';
import type { Upstream } from '../../src/registry-server/registry-server.ts';
import { CONFIG, digestOf, imageManifest, OCI_MANIFEST, Served } from './served.ts';

const LAYER = randomBytes(3_000_000);

/** An upstream in memory that counts what it is asked, and can fail. */
class Source implements Upstream {
  readonly asked: string[] = [];
  readonly tags = new Map<string, Digest>();
  readonly contents = new Map<string, Buffer>();
  isReachable = true;
  /** What a blob is instead. */
  damaged: Buffer | undefined;
  /** What a blob waits for once its beginning has been sent. */
  goesOn: Promise<void> | undefined;
  cutAt = Number.POSITIVE_INFINITY;

  add(content: Buffer): Digest {
    const digest = parseDigest(digestOf(content));
    this.contents.set(digest, content);
    return digest;
  }

  async resolveTag(_repository: string, tag: string): Promise<Digest> {
    this.#note(`tag ${tag}`);
    return this.tags.get(tag) ?? missing();
  }

  async fetchManifest(_repository: string, digest: Digest) {
    this.#note('manifest');
    return { mediaType: OCI_MANIFEST, digest, content: this.contents.get(digest) ?? missing() };
  }

  async openBlob(_repository: string, digest: Digest, offset: number) {
    this.#note(offset > 0 ? `blob from ${offset}` : 'blob');
    const content = this.contents.get(digest) ?? missing();
    const body = this.#chunks((this.damaged ?? content).subarray(offset));
    return { sizeBytes: content.length, body };
  }

  async *#chunks(content: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < content.length; at += 500_000) {
      if (at > 0) await this.goesOn;
      if (at >= this.cutAt) throw new EngineError('unavailable', 'Cannot read: cut off');
      yield Buffer.from(content.subarray(at, at + 500_000));
    }
  }

  #note(what: string): void {
    if (!this.isReachable) throw new EngineError('unavailable', 'Cannot reach the upstream');
    this.asked.push(what);
  }
}

function missing(): never {
  throw new EngineError('not-found', 'Cannot find it: not there');
}

function sourceWithImage(): Source {
  const source = new Source();
  source.add(CONFIG);
  source.add(LAYER);
  source.tags.set('v1', source.add(imageManifest([LAYER])));
  return source;
}

/** A cut may come before the head of the answer, or after it. */
async function readAll(answer: Promise<Response>): Promise<void> {
  const response = await answer;
  await response.arrayBuffer();
  assert.ok(response.ok);
}

describe('a mirror', () => {
  it('fetches once and serves from its own afterwards, without the upstream too', async () => {
    const source = sourceWithImage();
    await using served = await Served.start({ upstream: source });
    const url = `/v2/m/blobs/${digestOf(LAYER)}`;
    for (const _round of [1, 2]) {
      await served.expect(200, 'GET', '/v2/m/manifests/v1');
      const blob = await served.expect(200, 'GET', url);
      assert.deepEqual(Buffer.from(await blob.arrayBuffer()), LAYER);
    }
    assert.deepEqual(source.asked, ['tag v1', 'manifest', 'blob', 'tag v1']);
    source.isReachable = false;
    await served.expect(200, 'GET', '/v2/m/manifests/v1');
    await served.expect(200, 'HEAD', url);
    assert.equal(await served.errorOf('GET', '/v2/m/manifests/v2'), '503 UNAVAILABLE');
    source.isReachable = true;
    assert.equal(await served.errorOf('GET', '/v2/m/manifests/v2'), '404 MANIFEST_UNKNOWN');
    assert.equal(
      await served.errorOf('GET', `/v2/m/blobs/${digestOf(Buffer.from('no'))}`),
      '404 BLOB_UNKNOWN',
    );
    assert.equal(await served.errorOf('POST', '/v2/m/blobs/uploads/'), '405 UNSUPPORTED');
  });

  it('follows a tag that moves', async () => {
    const source = sourceWithImage();
    await using served = await Served.start({ upstream: source });
    await served.expect(200, 'GET', '/v2/m/manifests/v1');
    const next = source.add(imageManifest([]));
    source.tags.set('v1', next);
    const moved = await served.expect(200, 'GET', '/v2/m/manifests/v1');
    assert.equal(moved.headers.get('docker-content-digest'), next);
  });

  it('shares one transfer among all who ask, and outlives those who leave', async () => {
    const source = sourceWithImage();
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    source.goesOn = promise;
    await using served = await Served.start({ upstream: source });
    const url = `/v2/m/blobs/${digestOf(LAYER)}`;
    const leaving = new AbortController();
    const left = served.ask('GET', url, { signal: leaving.signal });
    const asked = await Promise.all(Array.from({ length: 8 }, () => served.expect(200, 'GET', url)));
    await left;
    leaving.abort();
    goOn();
    for (const blob of asked) assert.deepEqual(Buffer.from(await blob.arrayBuffer()), LAYER);
    assert.deepEqual(source.asked, ['blob']);
  });

  it('never completes a blob that is not what it should be', async () => {
    const source = sourceWithImage();
    source.damaged = randomBytes(LAYER.length);
    await using served = await Served.start({ upstream: source });
    const url = `/v2/m/blobs/${digestOf(LAYER)}`;
    await assert.rejects(readAll(served.ask('GET', url)));
    source.damaged = undefined;
    const again = await served.expect(200, 'GET', url);
    assert.deepEqual(Buffer.from(await again.arrayBuffer()), LAYER);
  });

  it('continues what was cut off, also after a restart', async () => {
    const source = sourceWithImage();
    source.cutAt = 1_000_000;
    const url = `/v2/m/blobs/${digestOf(LAYER)}`;
    const root = mkdtempSync(join(tmpdir(), 'caisson-mirror-'));
    using _ = { [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
    for (const _round of [1, 2]) {
      await using served = await Served.start({ root, upstream: source });
      await assert.rejects(readAll(served.ask('GET', url)));
    }
    await using served = await Served.start({ root, upstream: source });
    source.cutAt = Number.POSITIVE_INFINITY;
    const blob = await served.expect(200, 'GET', url);
    assert.deepEqual(Buffer.from(await blob.arrayBuffer()), LAYER);
    assert.deepEqual(source.asked, ['blob', 'blob from 1000000', 'blob from 2000000']);
  });

  it('follows a slow transfer from its start, however late one asks', async () => {
    const source = sourceWithImage();
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    source.goesOn = promise;
    await using served = await Served.start({ upstream: source });
    const url = `/v2/m/blobs/${digestOf(LAYER)}`;
    const first = await served.ask('GET', url);
    const late = await served.ask('GET', url);
    const reader = late.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    assert.ok(value && LAYER.subarray(0, value.length).equals(value));
    goOn();
    assert.deepEqual(Buffer.from(await first.arrayBuffer()), LAYER);
    await reader?.cancel();
  });

  it('stands for a real registry', async () => {
    await using origin = await Served.start();
    const digest = await origin.pushImage('real/image', 'v1', [LAYER]);
    using upstream = openUpstream(origin.url);
    await using served = await Served.start({ upstream });
    const manifest = await served.expect(200, 'GET', '/v2/real/image/manifests/v1');
    assert.equal(manifest.headers.get('docker-content-digest'), digest);
    const blob = await served.expect(200, 'GET', `/v2/real/image/blobs/${digestOf(LAYER)}`);
    assert.deepEqual(Buffer.from(await blob.arrayBuffer()), LAYER);
    assert.equal(await served.errorOf('GET', '/v2/real/image/manifests/v2'), '404 MANIFEST_UNKNOWN');
    assert.throws(() => openUpstream('ftp://x'), /http\[s\]:/);
  });
});
