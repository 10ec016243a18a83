import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetachScanner, parseDetachKeys } from './detach-keys.ts';

test('keys as Docker writes them', () => {
  assert.deepEqual([...parseDetachKeys('ctrl-p,ctrl-q')], [16, 17]);
  assert.deepEqual([...parseDetachKeys('a,ctrl-\\,ctrl-@')], [97, 28, 0]);
  for (const bad of ['', 'ctrl-', 'ctrl-ab', 'ab', 'a,,b', 'ctrl-1', 'é']) {
    assert.throws(() => parseDetachKeys(bad), { code: 'invalid' }, bad);
  }
});

test('the scanner passes everything but the keys', () => {
  const scanner = new DetachScanner(parseDetachKeys('ctrl-p,ctrl-q'));
  const scan = (text: string) => {
    const { data, detached } = scanner.scan(Buffer.from(text));
    return [data.toString(), detached];
  };
  assert.deepEqual(scan('ls\n'), ['ls\n', false]);
  assert.deepEqual(scan('a\x10'), ['a', false], 'held back');
  assert.deepEqual(scan('b'), ['\x10b', false], 'it was nothing');
  assert.deepEqual(scan('\x10\x10'), ['\x10', false], 'the second may begin the keys');
  assert.deepEqual(scan('\x11rest'), ['', true]);
});
