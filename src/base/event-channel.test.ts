import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventChannel } from './event-channel.ts';

test('what was pushed is read in order, then the end or its error', async () => {
  const channel = new EventChannel<number>();
  for (const item of [1, 2, 3]) channel.push(item);
  channel.end();
  assert.deepEqual(await Array.fromAsync(channel), [1, 2, 3]);
  const failing = new EventChannel<number>();
  failing.push(1);
  failing.end({ error: new Error('why') });
  failing.end();
  const read: number[] = [];
  await assert.rejects(async () => {
    for await (const item of failing) read.push(item);
  }, /why/);
  assert.deepEqual(read, [1]);
});

test('a writer that waits for room waits until the reader takes something or leaves', async () => {
  const channel = new EventChannel<number>();
  let sent = 0;
  const sending = (async () => {
    for (; sent < 10_000; sent++) {
      channel.push(sent);
      await channel.room();
    }
  })();
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(sent < 1000, `${sent} sent`);
  for await (const item of channel) if (item === 1000) break;
  await sending;
  assert.equal(sent, 10_000);
});
