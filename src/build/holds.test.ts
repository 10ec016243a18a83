import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Holds } from './holds.ts';

test('is released when the last one has let go', async () => {
  const holds = new Holds();
  await holds.released();
  const [first, second] = [holds.acquire(), holds.acquire()];
  let isReleased = false;
  const released = holds.released().then(() => (isReleased = true));
  first[Symbol.dispose]();
  await new Promise(setImmediate);
  assert.equal(isReleased, false);
  second[Symbol.dispose]();
  await released;
});
