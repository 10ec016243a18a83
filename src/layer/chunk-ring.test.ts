import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ChunkSender } from './chunk-ring.ts';

test('what is sent is read, whoever is faster and whatever the pieces', async () => {
  const reader = new Worker(new URL('chunk-ring.fixture.ts', import.meta.url));
  try {
    const data = randomBytes(1 << 20);
    for (const length of [1, 511, 65_536, 262_144, 1_000_000]) {
      const sender = new ChunkSender();
      const answer = once(reader, 'message');
      reader.postMessage(sender.ring, []);
      // A wake-up may come late, for what was read already.
      for (let late = 0; late < 20; late++) {
        Atomics.notify(sender.ring.state, 0);
        await setImmediate();
      }
      const hash = createHash('sha256');
      for (let sent = 0; sent < 20_000; sent++) {
        if (sent * length > 30 << 20) break;
        const part = data.subarray(0, length);
        hash.update(part);
        await sender.send(part);
      }
      sender.finish('end');
      assert.deepEqual(await answer, [hash.digest('hex')], `pieces of ${length} bytes`);
    }
  } finally {
    await reader.terminate();
  }
});

test('a source that is cut off is told, and a reader that has ended stops the sender', async () => {
  const reader = new Worker(new URL('chunk-ring.fixture.ts', import.meta.url));
  try {
    const sender = new ChunkSender();
    const answer = once(reader, 'message');
    reader.postMessage(sender.ring, []);
    await sender.send(Buffer.alloc(300_000));
    sender.finish('aborted');
    assert.match(String(await answer), /the sender is gone/);
    const unread = new ChunkSender();
    const sending = unread.send(Buffer.alloc(4 << 20));
    unread.close();
    await sending;
    assert.ok(unread.closed);
  } finally {
    await reader.terminate();
  }
});
