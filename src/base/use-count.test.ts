import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedUseCount, UseCount } from './use-count.ts';

test('is unused when the last use has ended', async () => {
  const count = new UseCount();
  await count.unused();
  const [first, second] = [count.use(), count.use()];
  let isUnused = false;
  const unused = count.unused().then(() => (isUnused = true));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await new Promise(setImmediate);
  assert.equal(isUnused, false);
  second[Symbol.dispose]();
  await unused;
});

test('waiting until it is unused can be given up', async () => {
  const count = new UseCount();
  using _use = count.use();
  await assert.rejects(count.unused(AbortSignal.abort(new Error('given up'))), /given up/);
});

test('keys are counted for themselves', () => {
  const count = new KeyedUseCount<string>();
  const uses = [count.use('a'), count.use('a'), count.use('b')];
  for (const use of uses.slice(1)) use[Symbol.dispose]();
  assert.ok(count.isUsed('a') && !count.isUsed('b'));
  uses[0]?.[Symbol.dispose]();
  assert.ok(!count.isUsed('a'));
});
