import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWithin, parseNumberRanges } from './number-ranges.ts';

test('lists of numbers are read as the kernel writes them', () => {
  assert.deepEqual(parseNumberRanges('0-3,5'), [
    [0, 3],
    [5, 5],
  ]);
  assert.deepEqual(parseNumberRanges(''), []);
  for (const text of ['x', '0,', '1-0', '-1', '0-1-2', ' 0'])
    assert.equal(parseNumberRanges(text), undefined);
});

test('a list is within another if each of its numbers is', () => {
  const available = parseNumberRanges('0-3,5') ?? [];
  const isAvailable = (text: string) => isWithin(parseNumberRanges(text) ?? [], available);
  for (const text of ['0', '1-2,5', '0-3', '']) assert.ok(isAvailable(text), text);
  for (const text of ['4', '3-5', '99', '0-99999999999']) assert.ok(!isAvailable(text), text);
});
