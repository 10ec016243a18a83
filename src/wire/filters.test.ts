import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  booleanFilter,
  checkFilters,
  formatFilters,
  lacksLabels,
  matchesLabels,
  NO_FILTERS,
  parseFilters,
} from './filters.ts';

const dangling = (text: string) => booleanFilter(parseFilters(text), 'dangling');

describe('filters', () => {
  it('read both forms', () => {
    const wanted = new Map([['label', ['a=b', 'c']]]);
    assert.deepEqual(parseFilters('{"label":{"a=b":true,"c":true}}'), wanted);
    assert.deepEqual(parseFilters('{"label":["a=b","c"]}'), wanted);
    assert.deepEqual(parseFilters(formatFilters(wanted)), wanted);
  });

  it('are none where none are given', () => {
    for (const text of [null, undefined, '', 'null', '{}']) assert.deepEqual(parseFilters(text), NO_FILTERS);
    assert.equal(formatFilters(NO_FILTERS), '');
  });

  it('refuse anything else', () => {
    for (const text of ['x', '[]', '"a"', '3', '{"a":"b"}', '{"a":[1]}', '{"a":{"b":1}}', '{"a":3}']) {
      assert.throws(() => parseFilters(text), { message: 'invalid filter', code: 'invalid' }, text);
    }
  });

  it('check names and booleans', () => {
    assert.throws(() => checkFilters(parseFilters('{"foo":["a"]}'), new Set(['a'])), {
      message: "invalid filter 'foo'",
    });
    assert.equal(dangling('{"dangling":{"true":true}}'), true);
    assert.equal(dangling('{"dangling":["0"]}'), false);
    assert.equal(dangling('{}'), undefined);
    assert.throws(() => dangling('{"dangling":["a"]}'), { message: "invalid filter 'dangling=[a]'" });
    assert.throws(() => dangling('{"dangling":["1","0"]}'), /invalid filter/);
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
