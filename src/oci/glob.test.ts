import assert from 'node:assert/strict';
import { test } from 'node:test';
import { globPattern, hasWildcards } from './glob.ts';

test('wildcards match as in Go', () => {
  const cases: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
    ['*.txt', 'a.txt', true],
    ['*.txt', 'atxt', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['(a+b)$', '(a+b)$', true],
    ['*', 'line\nbreak', true],
    ['**b', 'ab', true],
    ['**', '', true],
    ['[a\\]b]', ']', true],
    ['[a\\]b]', 'ab]', false],
    ['[\\d]', 'd', true],
    ['[\\d]', '1', false],
    ['[c-a]', 'b', false],
    ['[[]x]', '[x]', true],
    ['?', '\u{1f600}', true],
    ['*/*:*', 'library/box:1', true],
    ['*box*', 'library/box', false],
    ['**/b', 'a/b', true],
    ['**/b', 'a/c/b', false],
    ['\\**', '*x', true],
    ['\\**', 'xx', false],
    ['{a,b}', 'a', false],
  ];
  for (const [pattern, name, matches] of cases)
    assert.equal(globPattern(pattern).test(name), matches, `${pattern} and ${name}`);
});

test('what is no pattern', () => {
  for (const pattern of ['[', '["a"', 'a[', '[a-', '[]', 'a\\'])
    assert.throws(() => globPattern(pattern), { code: 'invalid' }, pattern);
});

test('only patterns are taken for patterns', () => {
  assert.equal(hasWildcards('plain(1).txt'), false);
  assert.equal(hasWildcards('a*'), true);
  assert.equal(hasWildcards('a\\b'), true);
});

/** A matcher that backtracks would not end. */
test('many stars on a long name', () => {
  assert.equal(globPattern(`${'*a'.repeat(100)}b`).test('a'.repeat(4000)), false);
});
