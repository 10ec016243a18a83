import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_FILTERS } from '#base/filters.ts';
import { parseFilters } from './filters.ts';

describe('the parameter filters', () => {
  it('read both forms', () => {
    const wanted = new Map([['label', ['a=b', 'c']]]);
    assert.deepEqual(parseFilters('{"label":{"a=b":true,"c":true}}'), wanted);
    assert.deepEqual(parseFilters('{"label":["a=b","c"]}'), wanted);
  });

  it('are none where none are given', () => {
    for (const text of [null, undefined, '', 'null', '{}']) assert.deepEqual(parseFilters(text), NO_FILTERS);
  });

  it('refuse anything else', () => {
    for (const text of ['x', '[]', '"a"', '3', '{"a":"b"}', '{"a":[1]}', '{"a":{"b":1}}', '{"a":3}']) {
      assert.throws(() => parseFilters(text), { message: 'invalid filter', code: 'invalid' }, text);
    }
  });
});
