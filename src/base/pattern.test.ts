import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePattern } from './pattern.ts';

test('an expression fits any part of a text, by Go’s rules', () => {
  const cases: readonly [expression: string, text: string, fits: boolean][] = [
    ['b+', 'abc', true],
    ['^b', 'abc', false],
    ['(?i)WEB', '/my-web-1', true],
    ['^/?web$', '/web', true],
    ['\\d', '٣', false],
    ['[[:alpha:]]{3}', 'ab1', false],
    ['', 'anything', true],
  ];
  for (const [expression, text, fits] of cases) {
    assert.equal(compilePattern(expression)(text), fits, `${expression} on ${text}`);
  }
});

test('what is no expression is refused with Go’s text', () => {
  const cases: readonly [expression: string, message: string][] = [
    ['(a', 'error parsing regexp: missing closing ): `(a`'],
    ['a**', 'error parsing regexp: invalid nested repetition operator: `**`'],
    ['(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
    ['a{1001}', 'error parsing regexp: invalid repeat count: `{1001}`'],
  ];
  for (const [expression, message] of cases) {
    assert.throws(() => compilePattern(expression), { code: 'invalid', message });
  }
});

/** A machine that backtracks would not end: each further letter doubles its time. */
test('expressions that are made to take for ever do not', () => {
  const text = `${'a'.repeat(10_000)}!`;
  for (const expression of ['^/?(a+)+$', '(a|aa)+$', '(.*)*x$', '^(a?){500}a{500}$']) {
    assert.equal(compilePattern(expression)(text), false, expression);
  }
});
