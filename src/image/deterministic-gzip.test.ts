import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { deterministicGzip } from './deterministic-gzip.ts';

async function pack(content: Buffer, chunkBytes: number): Promise<Buffer> {
  async function* chunks() {
    for (let at = 0; at < content.length; at += chunkBytes) yield content.subarray(at, at + chunkBytes);
  }
  return Buffer.concat(await Array.fromAsync(deterministicGzip(chunks())));
}

const MiB = 1024 * 1024;

test('what comes out is one gzip member of what went in', async () => {
  const text = Buffer.from('all work and no play '.repeat(200_000));
  for (const length of [0, 1, MiB - 1, MiB, MiB + 1, 3 * MiB, text.length]) {
    const content = text.subarray(0, length);
    assert.ok(gunzipSync(await pack(content, 100_000)).equals(content), `${length} bytes`);
  }
});

test('the bytes do not depend on how the input arrives', async () => {
  const content = Buffer.concat([randomBytes(700_000), Buffer.alloc(900_000, 'ab'), randomBytes(1_500_000)]);
  const whole = await pack(content, content.length);
  for (const chunkBytes of [65_536, 1000, MiB]) assert.ok((await pack(content, chunkBytes)).equals(whole));
});

test('it compresses about as well as gzip over the edges of blocks', async () => {
  const content = Buffer.from(Array.from({ length: 400_000 }, (_, line) => `line ${line % 5000}\n`).join(''));
  const packed = await pack(content, 65_536);
  assert.ok(packed.length < gzipSync(content).length * 1.02);
});
