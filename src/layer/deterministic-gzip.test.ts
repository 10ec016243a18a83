import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { deflateBlock } from './deflate-block.ts';
import { deterministicGzip } from './deterministic-gzip.ts';

async function pack(content: Buffer, chunkBytes: number): Promise<Buffer> {
  async function* chunks() {
    for (let at = 0; at < content.length; at += chunkBytes) yield content.subarray(at, at + chunkBytes);
  }
  return Buffer.concat(await Array.fromAsync(deterministicGzip(chunks(), async (job) => deflateBlock(job))));
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

test('noise between text is stored, and takes no more room than it has', async () => {
  const noise = randomBytes(2 * MiB);
  assert.ok((await pack(noise, 65_536)).length < noise.length * 1.001);
  const mixed = Buffer.concat(
    Array.from({ length: 60 }, (_, part) => [
      randomBytes(20_000 + part),
      Buffer.alloc(23_000, 'abcdefgh'),
    ]).flat(),
  );
  const packed = await pack(mixed, 65_536);
  assert.ok(gunzipSync(packed).equals(mixed));
  assert.ok(packed.length < gzipSync(mixed).length * 1.1);
});

test('it compresses about as well as gzip over the edges of blocks', async () => {
  const content = Buffer.from(Array.from({ length: 400_000 }, (_, line) => `line ${line % 5000}\n`).join(''));
  const packed = await pack(content, 65_536);
  assert.ok(packed.length < gzipSync(content).length * 1.02);
});
