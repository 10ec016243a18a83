import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { abortable } from './abortable.ts';

test('work that ends first is what is waited for', async () => {
  const { signal } = new AbortController();
  assert.equal(await abortable(Promise.resolve(1), signal), 1);
  assert.equal(await abortable(Promise.resolve(2), undefined), 2);
  await assert.rejects(abortable(Promise.reject(new Error('failed')), signal), /failed/);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('the signal ends the waiting, and later failures of the work are ignored', async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<void>();
  const waiting = abortable(work.promise, controller.signal);
  controller.abort(new Error('given up'));
  await assert.rejects(waiting, /given up/);
  await assert.rejects(abortable(work.promise, controller.signal), /given up/);
  work.reject(new Error('too late'));
  assert.deepEqual(getEventListeners(controller.signal, 'abort'), []);
});
