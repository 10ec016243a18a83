import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Semaphore } from './semaphore.ts';

test('permits go round in order of arrival', async () => {
  const semaphore = new Semaphore(1);
  const order: number[] = [];
  const first = await semaphore.acquire();
  const others = [1, 2].map(async (number) => {
    using _permit = await semaphore.acquire();
    order.push(number);
  });
  assert.equal(semaphore.isFree, false);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await Promise.all(others);
  assert.deepEqual(order, [1, 2]);
  assert.ok(semaphore.isFree);
});

test('who gives up waiting takes no permit along', async () => {
  const semaphore = new Semaphore(1);
  const held = await semaphore.acquire();
  const controller = new AbortController();
  const given = semaphore.acquire(controller.signal);
  const next = semaphore.acquire();
  controller.abort(new Error('given up'));
  await assert.rejects(given, /given up/);
  await assert.rejects(semaphore.acquire(controller.signal), /given up/);
  held[Symbol.dispose]();
  (await next)[Symbol.dispose]();
  assert.ok(semaphore.isFree);
});
