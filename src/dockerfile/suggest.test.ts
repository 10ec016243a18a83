import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggestion, suggestionSuffix } from './suggest.ts';

test('the nearest of the known words, if it is near', () => {
  assert.equal(suggestion('biuld', ['base', 'build']), 'build');
  assert.equal(suggestion('buil', ['guild', 'build']), 'build');
  assert.equal(suggestion('x', ['builder']), undefined);
  assert.equal(suggestion('base', ['base', 'bas']), undefined, 'a known word is no mistake');
  assert.equal(suggestion('copyy', ['COPY'], false), 'copy');
  assert.equal(suggestion('COPYY', ['copy'], false), 'COPY');
  assert.equal(suggestion('BASE', ['base']), undefined, 'case counts unless told otherwise');
  assert.equal(suggestionSuffix('a'.repeat(1_000_000), ['aa']), '');
});
