import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isEngineError, type ErrorCode } from '#base/errors.ts';
import { parseDigest, type Digest } from '#oci/digest.ts';
import { FileContentStore } from './file-content-store.ts';
import { sweepBlobs } from './garbage.ts';
import { MemoryLeases } from './leases.ts';

const MEBIBYTE = 1 << 20;

function digestOf(content: Buffer | string): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
}

function coded(code: ErrorCode, text?: RegExp) {
  return (error: unknown) => isEngineError(error, code) && (text?.test(error.message) ?? true);
}

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-store-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function filesIn(kind: 'blobs/sha256' | 'ingest'): string[] {
  return readdirSync(join(directory, kind));
}

describe('FileContentStore', () => {
  for (const size of [0, 1000, 64 * 1024, 64 * 1024 + 1, 3 * MEBIBYTE + 17])
    it(`writes and reads ${size} bytes`, async () => {
      await using store = new FileContentStore(directory);
      const content = randomBytes(size);
      await using writer = await store.openWriter('r');
      for (let at = 0; at < size; at += 50_000) await writer.write(content.subarray(at, at + 50_000));
      assert.equal(writer.offset, size);
      assert.deepEqual(filesIn('blobs/sha256'), []);
      const info = await writer.commit({ sizeBytes: size, digest: digestOf(content) });
      assert.deepEqual(info, { digest: digestOf(content), sizeBytes: size });
      assert.deepEqual(await buffer(store.read(info.digest)), content);
      assert.deepEqual(await store.stat(info.digest), info);
      assert.deepEqual(filesIn('ingest'), []);
    });

  it('takes a file that others write, and gives its bytes in one buffer', async () => {
    await using store = new FileContentStore(directory);
    const content = randomBytes(MEBIBYTE);
    const expected = { digest: digestOf(content), sizeBytes: content.length };
    const fill = async (path: string) => {
      writeFileSync(path, content);
      await assert.rejects(
        store.putFile('r', async () => expected),
        coded('conflict'),
      );
      return expected;
    };
    for (let times = 0; times < 2; times++) assert.deepEqual(await store.putFile('r', fill), expected);
    const parts: Buffer[] = [];
    for await (const chunk of store.chunks(expected.digest, 1000)) parts.push(Buffer.from(chunk));
    assert.deepEqual(Buffer.concat(parts), content.subarray(1000));
    await assert.rejects(Array.fromAsync(store.chunks(digestOf('none'), 0)), coded('not-found'));
    assert.deepEqual(filesIn('ingest'), []);
  });

  it('keeps nothing of a file that is not what was said, or was not finished', async () => {
    await using store = new FileContentStore(directory);
    const short = { digest: digestOf('abc'), sizeBytes: 3 };
    await assert.rejects(
      store.putFile('r', async () => short),
      coded('internal'),
    );
    await assert.rejects(
      store.putFile('r', () => Promise.reject(new Error('enough'))),
      /enough/,
    );
    assert.deepEqual([...filesIn('ingest'), ...filesIn('blobs/sha256')], []);
  });

  it('writes many blobs at once, whatever the chunks', async () => {
    await using store = new FileContentStore(directory);
    const contents = Array.from({ length: 12 }, (_, index) => randomBytes(MEBIBYTE + index));
    const infos = await Promise.all(
      contents.map(async (content, index) => {
        await using writer = await store.openWriter(`r${index}`);
        for (let at = 0; at < content.length; at += 65_536 + index)
          await writer.write(content.subarray(at, at + 65_536 + index));
        return await writer.commit();
      }),
    );
    assert.deepEqual(
      infos.map(({ digest }) => digest),
      contents.map(digestOf),
    );
  });

  it('shows nothing where size, digest or limit differ', async () => {
    await using store = new FileContentStore(directory);
    for (const content of [randomBytes(10), randomBytes(MEBIBYTE)]) {
      await using writer = await store.openWriter('bad');
      await writer.write(content);
      await assert.rejects(writer.commit({ sizeBytes: content.length + 1 }), coded('invalid', /bytes where/));
      await assert.rejects(
        writer.commit({ digest: digestOf(Buffer.from('x')) }),
        coded('invalid', /its digest is/),
      );
    }
    await using limited = await store.openWriter('limited', { maximumBytes: 5 });
    await assert.rejects(limited.write(Buffer.alloc(6)), coded('invalid', /larger than 5 bytes/));
    await limited[Symbol.asyncDispose]();
    assert.deepEqual(filesIn('ingest'), []);
    assert.deepEqual(filesIn('blobs/sha256'), []);
  });

  it('takes the same content twice and refuses a reference that is being written', async () => {
    await using store = new FileContentStore(directory);
    await using first = await store.openWriter('r');
    await assert.rejects(store.openWriter('r'), coded('conflict'));
    await first.write(Buffer.from('same'));
    const info = await first.commit();
    await assert.rejects(first.commit(), coded('conflict', /committed already/));
    assert.deepEqual(await store.put(Buffer.from('same')), info);
    assert.equal(filesIn('blobs/sha256').length, 1);
  });

  it('reads ranges, and says when there is no such blob', async () => {
    await using store = new FileContentStore(directory);
    const { digest } = await store.put(Buffer.from('0123456789'));
    assert.equal((await buffer(store.read(digest, { offset: 3, lengthBytes: 4 }))).toString(), '3456');
    assert.equal((await buffer(store.read(digest, { offset: 3, lengthBytes: 0 }))).toString(), '');
    assert.equal((await store.readAll(digest, 10)).toString(), '0123456789');
    await assert.rejects(store.readAll(digest, 9), coded('invalid'));
    await store.delete(digest);
    await assert.rejects(buffer(store.read(digest)), coded('not-found'));
    await assert.rejects(store.readAll(digest, 9), coded('not-found'));
    assert.equal(await store.stat(digest), undefined);
  });

  it('continues what was opened to be resumed, after a restart too', async () => {
    for (const [size, split] of [
      [3 * MEBIBYTE, 2 * MEBIBYTE + 5],
      [1000, 10],
    ] as const) {
      const content = randomBytes(size);
      await using store = new FileContentStore(directory);
      const first = await store.openWriter('pull', { resumable: true });
      await first.write(content.subarray(0, split));
      await first[Symbol.asyncDispose]();
      await using again = new FileContentStore(directory);
      await using second = await again.openWriter('pull', { resumable: true });
      assert.equal(second.offset, split);
      await second.write(content.subarray(second.offset));
      await second.commit({ sizeBytes: size, digest: digestOf(content) });
    }
  });

  it('starts anew after a resumed blob turned out to be damaged', async () => {
    await using store = new FileContentStore(directory);
    const content = randomBytes(MEBIBYTE);
    const first = await store.openWriter('pull', { resumable: true });
    await first.write(Buffer.alloc(1000));
    await first[Symbol.asyncDispose]();
    {
      await using second = await store.openWriter('pull', { resumable: true });
      await second.write(content.subarray(1000));
      await assert.rejects(second.commit({ digest: digestOf(content) }), coded('invalid'));
    }
    await using third = await store.openWriter('pull', { resumable: true });
    assert.equal(third.offset, 0);
  });

  it('refuses to write once it is closed', async () => {
    const store = new FileContentStore(directory);
    const writer = await store.openWriter('r');
    const write = async () => {
      for (let count = 0; count < 40; count++) await writer.write(randomBytes(MEBIBYTE));
      await writer.commit();
    };
    const refused = assert.rejects(write(), coded('aborted'));
    await store[Symbol.asyncDispose]();
    await refused;
    await writer[Symbol.asyncDispose]();
    assert.deepEqual(filesIn('ingest'), []);
  });

  it('stops when its signal fires', async () => {
    await using store = new FileContentStore(directory);
    const controller = new AbortController();
    await using writer = await store.openWriter('r', { signal: controller.signal });
    await writer.write(Buffer.alloc(MEBIBYTE));
    controller.abort();
    await assert.rejects(writer.write(Buffer.alloc(1)), { name: 'AbortError' });
  });

  it('forgets what a killed process was writing', async () => {
    const script = `
      import { FileContentStore } from ${JSON.stringify(new URL('file-content-store.ts', import.meta.url).href)};
      const store = new FileContentStore(${JSON.stringify(directory)});
      await store.put(Buffer.from('whole'));
      const writer = await store.openWriter('r');
      while (writer.offset < 8 << 20) await writer.write(Buffer.alloc(1 << 20));
      console.log('going');
      setInterval(() => writer.offset, 1 << 30);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(filesIn('ingest').length, 1);
    await using _ = new FileContentStore(directory);
    assert.deepEqual(filesIn('ingest'), []);
    const [name] = filesIn('blobs/sha256');
    assert.equal(readFileSync(join(directory, 'blobs/sha256', name!), 'utf8'), 'whole');
  });

  it('gives up downloads that were not resumed for a day', async () => {
    await using store = new FileContentStore(directory);
    const writer = await store.openWriter('old', { resumable: true });
    await writer.write(Buffer.alloc(10));
    await writer[Symbol.asyncDispose]();
    const path = join(directory, 'ingest', filesIn('ingest')[0]!);
    utimesSync(path, 0, 0);
    await using _ = new FileContentStore(directory);
    assert.equal(existsSync(path), false);
  });
});

describe('FileContentStore on a full disk', () => {
  it('refuses with a clear error and keeps what it has', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory]);
    try {
      await using store = new FileContentStore(directory);
      const kept = await store.put(randomBytes(500_000));
      const isFull = coded('exhausted', /no space left on device/);
      const fill = async () => {
        await using writer = await store.openWriter('big');
        for (let count = 0; count < 8; count++) await writer.write(randomBytes(MEBIBYTE));
        await writer.commit();
      };
      await assert.rejects(fill(), isFull);
      assert.deepEqual(filesIn('ingest'), []);
      assert.equal((await store.readAll(kept.digest, MEBIBYTE)).length, 500_000);
      await store.put(randomBytes(300_000));
    } finally {
      execFileSync('umount', [directory]);
    }
  });
});

describe('garbage collection', () => {
  it('sweeps what is neither reachable nor leased', async () => {
    await using store = new FileContentStore(directory);
    const leases = new MemoryLeases();
    const root = await store.put(Buffer.from('root'));
    const garbage = await store.put(Buffer.from('garbage'));
    const lease = leases.open();
    const leased = await store.put(Buffer.from('leased'), lease);
    const request = { content: store, leases, isReachable: (digest: Digest) => digest === root.digest };
    assert.deepEqual(await sweepBlobs(request), [garbage]);
    await lease[Symbol.asyncDispose]();
    assert.deepEqual(await sweepBlobs(request), [leased]);
    assert.equal(filesIn('blobs/sha256').length, 1);
  });
});
