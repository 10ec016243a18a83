import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance } from './edit-distance.ts';

test('counts insertions, deletions, replacements and swaps of neighbours', () => {
  const cases: [string, string, number][] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['buil', 'build', 1],
    ['guild', 'build', 1],
    ['imgaes', 'images', 1],
    ['kitten', 'sitting', 3],
  ];
  for (const [from, to, distance] of cases) {
    assert.equal(editDistance(from, to), distance, `${from} to ${to}`);
    assert.equal(editDistance(to, from), distance, `${to} to ${from}`);
  }
});
