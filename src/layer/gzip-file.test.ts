import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { crc32, gunzipSync, gzipSync } from 'node:zlib';
import { isEngineError } from '#base/errors.ts';
import { combinedCrc32 } from './combined-crc32.ts';
import { gzipOnAllCores } from './gzip-cores.ts';
import { GZIP_HEADER_BYTES, gzipFile } from './gzip-file.ts';
import { newGzipState } from './gzip-turns.ts';
import { LayerWorkerPool } from './worker-pool.ts';

const MiB = 1024 * 1024;
const directory = mkdtempSync(join(tmpdir(), 'caisson-gzip-'));
after(() => rmSync(directory, { recursive: true }));
const files = { sourcePath: join(directory, 'plain'), targetPath: join(directory, 'packed') };

/** Compresses on this thread alone. */
function pack(content: Buffer): Buffer {
  writeFileSync(files.sourcePath, content);
  writeFileSync(files.targetPath, '');
  const state = newGzipState(GZIP_HEADER_BYTES);
  const info = gzipFile({ ...files, state, isLast: true }, new Int32Array(1));
  const packed = readFileSync(files.targetPath);
  const digest = `sha256:${createHash('sha256').update(packed).digest('hex')}`;
  assert.deepEqual(info, { digest, sizeBytes: packed.length });
  return packed;
}

function mixture(): Buffer {
  const parts = Array.from({ length: 60 }, (_, part) => [
    randomBytes(20_000 + part),
    Buffer.alloc(23_000, 'abcdefgh'),
  ]);
  return Buffer.concat(parts.flat());
}

test('what comes out is one gzip member of what went in', () => {
  const text = Buffer.from('all work and no play '.repeat(200_000));
  for (const length of [0, 1, MiB - 1, MiB, MiB + 1, 3 * MiB, text.length]) {
    const content = text.subarray(0, length);
    assert.ok(gunzipSync(pack(content)).equals(content), `${length} bytes`);
  }
});

test('the bytes do not depend on how many threads make them', async () => {
  await using one = new LayerWorkerPool(1);
  await using four = new LayerWorkerPool(4);
  const content = Buffer.concat([mixture(), randomBytes(MiB), mixture(), Buffer.alloc(9 * MiB, 'work ')]);
  const alone = pack(content);
  for (const pool of [one, four, four]) {
    writeFileSync(files.targetPath, '');
    const info = await gzipOnAllCores(pool, files, { signal: new AbortController().signal });
    assert.equal(info.sizeBytes, alone.length);
    assert.ok(readFileSync(files.targetPath).equals(alone));
  }
});

test('how far it is, is told while it works', async () => {
  await using pool = new LayerWorkerPool(2);
  const content = Buffer.alloc(40 * MiB, 'all work and no play ');
  pack(content);
  writeFileSync(files.targetPath, '');
  const told: number[] = [];
  const { signal } = new AbortController();
  await gzipOnAllCores(pool, files, {
    signal,
    onProgress: (doneBytes, totalBytes) => {
      assert.equal(totalBytes, content.length);
      told.push(doneBytes);
    },
  });
  assert.ok(told.length > 3, `${told.length} reports`);
  assert.deepEqual(
    told,
    told.toSorted((a, b) => a - b),
  );
  assert.ok((told.at(-1) ?? 0) <= content.length);
});

test('noise between text is stored, and takes no more room than it has', () => {
  const noise = randomBytes(2 * MiB);
  assert.ok(pack(noise).length < noise.length * 1.001);
  const mixed = mixture();
  const packed = pack(mixed);
  assert.ok(gunzipSync(packed).equals(mixed));
  assert.ok(packed.length < gzipSync(mixed).length * 1.1);
});

test('memory does not pile up: what was written is given back at once', () => {
  const file = { ...files, sourcePath: join(directory, 'long') };
  writeFileSync(file.sourcePath, '');
  for (let part = 0; part < 16; part++) appendFileSync(file.sourcePath, mixture());
  writeFileSync(file.targetPath, '');
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const before = process.memoryUsage().arrayBuffers;
  gzipFile({ ...file, state: newGzipState(GZIP_HEADER_BYTES), isLast: true }, new Int32Array(1));
  const heldBytes = process.memoryUsage().arrayBuffers - before;
  assert.ok(heldBytes < 8 * MiB, `${heldBytes} bytes are held`);
});

test('it compresses about as well as gzip over the edges of blocks', () => {
  const content = Buffer.from(Array.from({ length: 400_000 }, (_, line) => `line ${line % 5000}\n`).join(''));
  assert.ok(pack(content).length < gzipSync(content).length * 1.05);
});

test('a thread that fails ends all, and says why', async () => {
  await using pool = new LayerWorkerPool(2);
  writeFileSync(files.sourcePath, randomBytes(4 * MiB));
  const full = gzipOnAllCores(
    pool,
    { ...files, targetPath: '/dev/full' },
    { signal: new AbortController().signal },
  );
  await assert.rejects(full, (error) => isEngineError(error, 'exhausted'));
});

test('a cancelled one ends with the reason of its signal', async () => {
  await using pool = new LayerWorkerPool(2);
  writeFileSync(files.sourcePath, Buffer.alloc(64 * MiB, 'abc'));
  writeFileSync(files.targetPath, '');
  const cancelling = new AbortController();
  const packing = gzipOnAllCores(pool, files, cancelling);
  cancelling.abort(new Error('enough'));
  await assert.rejects(packing, /enough/);
});

test('checksums of parts make the checksum of the whole', () => {
  for (const bytes of [0, 1, 1000, MiB]) {
    const [first, second] = [randomBytes(5000), randomBytes(bytes)];
    const combined = combinedCrc32(crc32(first), crc32(second), bytes);
    assert.equal(combined, crc32(Buffer.concat([first, second])));
  }
});
