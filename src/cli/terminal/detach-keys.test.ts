import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_DETACH_KEYS, DetachScanner, parseDetachKeys } from './detach-keys.ts';

test('key sequences become bytes', () => {
  assert.deepEqual([...parseDetachKeys('ctrl-p,ctrl-q')], [16, 17]);
  assert.deepEqual([...parseDetachKeys('a,ctrl-@,ctrl-[')], [97, 0, 27]);
  assert.throws(() => parseDetachKeys('ctrl-1'), /unknown character/);
});

test('the sequence is found across reads and nothing else is lost', () => {
  const scanner = new DetachScanner(parseDetachKeys(DEFAULT_DETACH_KEYS));
  const feed = (...bytes: number[]) => {
    const { forward, detached } = scanner.feed(Buffer.from(bytes));
    return [[...forward], detached];
  };
  assert.deepEqual(feed(1, 16), [[1], false]);
  assert.deepEqual(feed(2), [[16, 2], false]);
  assert.deepEqual(feed(16, 16), [[16], false]);
  assert.deepEqual(feed(17, 9), [[], true]);
});
