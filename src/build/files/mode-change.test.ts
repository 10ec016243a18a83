import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseModeChange } from './mode-change.ts';

test('modes change as chmod(1) changes them', () => {
  const cases: readonly (readonly [string, number, boolean, number])[] = [
    ['640', 0o777, false, 0o640],
    ['07755', 0, false, 0o7755],
    ['u=rwX,go=rX', 0o600, false, 0o644],
    ['u=rwX,go=rX', 0o700, true, 0o755],
    ['u=rwX,go=rX', 0o710, false, 0o755],
    ['a+x', 0o644, false, 0o755],
    ['+x', 0o644, false, 0o755],
    ['go-rwx', 0o777, false, 0o700],
    ['g=u', 0o640, false, 0o660],
    ['u+s,g+s', 0o755, false, 0o6755],
    ['+t', 0o777, true, 0o1777],
    ['u=rw,u+x', 0o000, false, 0o700],
    ['u+r-w', 0o200, false, 0o400],
    ['a=', 0o7777, false, 0],
  ];
  for (const [text, before, isDirectory, after] of cases)
    assert.equal(parseModeChange(text)(before, isDirectory).toString(8), after.toString(8), text);
});

test('what is no mode is refused', () => {
  for (const text of ['', '8', '10000', 'u', 'z+x', 'u+q', 'u=rw go=r'])
    assert.throws(() => parseModeChange(text), { code: 'invalid', message: /invalid chmod parameter/ }, text);
});
