import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { expand } from './expand.ts';

const VARIABLES = new Map([
  ['HOME', '/root'],
  ['EMPTY', ''],
  ['TWO', 'a  b'],
  ['PATHS', '/a/b/c.tar.gz'],
  ['STARS', 'a***yy*'],
  ['한국', '어'],
]);

function value(text: string): string {
  return expand(text, VARIABLES).text;
}

suite('variable expansion', () => {
  test('plain and braced', () => {
    for (const [text, expected] of [
      ['$HOME', '/root'],
      ['a${HOME}b', 'a/rootb'],
      ['$HOMEb', ''],
      ['$.', '$.'],
      ['$', '$'],
      ['$1x', 'x'],
      ['${1}x', 'x'],
      ['$@@', '@'],
      ['$$', ''],
      ['$한국!', '어!'],
    ] as const)
      assert.equal(value(text), expected, text);
  });

  test('quotes and escapes', () => {
    for (const [text, expected] of [
      ["'$HOME'", '$HOME'],
      ['"$HOME"', '/root'],
      ['"\'$HOME\'"', "'/root'"],
      ['\\$HOME', '$HOME'],
      ['"\\$HOME"', '$HOME'],
      ['\\\\$HOME', '\\/root'],
      ['a\\tb', 'atb'],
      ['"a\\tb"', 'a\\tb'],
      ["'a\\'b", 'a\\b'],
      ['a\\', 'a'],
      ['\\${}', '${}'],
      ['\\😀', '😀'],
    ] as const)
      assert.equal(value(text), expected, text);
    assert.equal(expand('`$HOME \\$HOME', VARIABLES, { escape: '`' }).text, '$HOME \\/root');
  });

  test('defaults, alternatives, nesting', () => {
    for (const [text, expected] of [
      ['${X-d}', 'd'],
      ['${EMPTY-d}', ''],
      ['${EMPTY:-d}', 'd'],
      ['${HOME:-d}', '/root'],
      ['${X+d}', ''],
      ['${EMPTY+d}', 'd'],
      ['${EMPTY:+d}', ''],
      ['${HOME:+d}', 'd'],
      ['${X:-${Y:-$HOME}}', '/root'],
      ['${X:-"a b"}', 'a b'],
      ['${X:-\\}}', '}'],
      ['${HOME?no}', '/root'],
      ['${X:-b}}', 'b}'],
    ] as const)
      assert.equal(value(text), expected, text);
  });

  test('patterns', () => {
    for (const [text, expected] of [
      ['${PATHS#*/}', 'a/b/c.tar.gz'],
      ['${PATHS##*/}', 'c.tar.gz'],
      ['${PATHS%.*}', '/a/b/c.tar'],
      ['${PATHS%%.*}', '/a/b/c'],
      ['${PATHS%x}', '/a/b/c.tar.gz'],
      ['${PATHS#?a}', '/b/c.tar.gz'],
      ['${STARS%%\\**\\*}', 'a'],
      ['${STARS#a\\*}', '**yy*'],
      ['${PATHS/b/X}', '/a/X/c.tar.gz'],
      ['${PATHS//\\//-}', '-a-b-c.tar.gz'],
      ['${PATHS/a*c/X}', '/X.tar.gz'],
      ['${PATHS//?r/X}', '/a/b/c.tX.gz'],
      ['${PATHS//}/}', '/a/b/c.tar.gz'],
      ['${PATHS///}', '/a/b/c.tar.gz'],
      ['${PATHS#$X}', '/a/b/c.tar.gz'],
      ['${X#a}', ''],
    ] as const)
      assert.equal(value(text), expected, text);
  });

  test('words split at blanks, those of values included', () => {
    assert.deepEqual(expand('x$TWO"$TWO" y\\ z', VARIABLES).words, ['xa', 'ba  b', 'y z']);
    assert.deepEqual(expand('  a  ', VARIABLES).words, ['a']);
  });

  test('names that were found, and that were not', () => {
    const { matched, unmatched } = expand('$HOME ${X:-$Y} ${EMPTY:+$Z}', VARIABLES);
    assert.deepEqual(
      [[...matched], [...unmatched].toSorted()],
      [
        ['HOME', 'EMPTY'],
        ['X', 'Y', 'Z'],
      ],
    );
  });

  test('raw modes', () => {
    assert.equal(
      expand(`"a" '$b' $c \${d:-e}`, VARIABLES, { keepUnset: true, rawQuotes: true }).text,
      `"a" '$b' $c \${d:-e}`,
    );
    assert.equal(expand('it\'s "$HOME" \\$x', VARIABLES, { ignoreQuotes: true }).text, 'it\'s "/root" $x');
  });
});

test('what makes no sense is refused', () => {
  for (const [text, message] of [
    ['"a', /looking for matching double-quote/],
    ["a'", /looking for matching single-quote/],
    ['${', /missing '}'/],
    ['${HOME', /missing '}'/],
    ['${HOME:', /missing '}'/],
    ['${X:-a', /missing '}'/],
    ['${}', /bad substitution/],
    ['${:a}', /bad substitution/],
    ['${.}', /unsupported modifier \(\.\)/],
    ['${HOME:=x}', /unsupported modifier \(:=\)/],
    ['${HOME:#x}', /unsupported modifier \(:#\)/],
    ['${X?why}', /X: why/],
    ['${EMPTY:?}', /EMPTY: is not allowed to be empty/],
    ['${X?}', /X: is not allowed to be unset/],
    ['${HOME/x}', /missing '\/'/],
    ['${HOME#\\a}', /invalid escape/],
    ['${X:-'.repeat(5000), /nested too deeply|missing/],
  ] as const)
    assert.throws(
      () => value(text),
      (error) => isEngineError(error, 'invalid') && message.test(error.message),
      text.slice(0, 40),
    );
});

test('hostile patterns and values take bounded time', () => {
  const variables = new Map([['A', 'a'.repeat(20_000)]]);
  assert.equal(expand('${A##*a*a*a*a*a*a*a*a*b}', variables).text.length, 20_000);
  const bomb = new Map([['B', 'b'.repeat(1_000_000)]]);
  assert.throws(() => expand('$B'.repeat(100), bomb), /longer than/);
});
