import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checksums } from './checksums.ts';

test('equal keys are looked at once, failures are not remembered', async () => {
  const checksums = new Checksums();
  let looks = 0;
  const look = async () => `sum ${++looks}`;
  assert.equal(await checksums.get(['a', ['b']], look), 'sum 1');
  assert.equal(await checksums.get(['a', ['b']], look), 'sum 1');
  assert.equal(await checksums.get(['a', ['c']], look), 'sum 2');
  await assert.rejects(
    checksums.get(['x'], () => Promise.reject(new Error('gone'))),
    /gone/,
  );
  assert.equal(await checksums.get(['x'], look), 'sum 3');
});

test('the ones not used for long are forgotten', async () => {
  const checksums = new Checksums();
  for (let index = 0; index < 1001; index++) await checksums.get([index], async () => 'first');
  assert.equal(await checksums.get([1000], async () => 'second'), 'first');
  assert.equal(await checksums.get([0], async () => 'second'), 'second');
});
