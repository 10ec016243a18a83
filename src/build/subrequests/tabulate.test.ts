import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tabulate } from './tabulate.ts';

test('columns as wide as their widest cell; the last one is as it is', () => {
  const rows = [
    ['A', 'BB', 'C'],
    ['long', '', 'c'],
  ];
  assert.equal(tabulate(rows, 2), 'A     BB  C\nlong      c\n');
  assert.equal(tabulate([], 2), '');
});
