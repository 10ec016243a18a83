import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { booleanFilter, checkFilters, lacksLabels, matchesLabels } from './filters.ts';

const dangling = (...values: string[]) => booleanFilter(new Map([['dangling', values]]), 'dangling');

describe('filters', () => {
  it('check names and booleans', () => {
    assert.throws(() => checkFilters(new Map([['foo', ['a']]]), new Set(['a'])), {
      message: "invalid filter 'foo'",
    });
    assert.equal(dangling('true'), true);
    assert.equal(dangling('0'), false);
    assert.equal(booleanFilter(new Map(), 'dangling'), undefined);
    assert.throws(() => dangling('a'), { message: "invalid filter 'dangling=[a]'" });
    assert.throws(() => dangling('1', '0'), /invalid filter/);
  });

  it('match labels by key or by key and value', () => {
    const labels = { a: 'b', c: '' };
    assert.ok(matchesLabels(['a', 'a=b', 'c='], labels));
    assert.ok(!matchesLabels(['a=x'], labels));
    assert.ok(!matchesLabels(['toString'], labels));
    assert.ok(matchesLabels(undefined, null));
    assert.ok(lacksLabels(['a=x', 'd'], labels) && !lacksLabels(['a'], labels));
  });
});
