import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from './errors.ts';
import { signalName, signalNumber } from './signals.ts';

test('signals by name, short name, number and real-time offset', () => {
  const cases: readonly (readonly [string | number, number])[] = [
    ['SIGTERM', 15],
    ['term', 15],
    ['SigKill', 9],
    ['15', 15],
    [9, 9],
    ['CLD', 17],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['rtmax-1', 63],
    ['RTMAX', 64],
  ];
  for (const [name, number] of cases) assert.equal(signalNumber(name), number, String(name));
});

test('what is no signal is invalid', () => {
  for (const name of ['', '0', '65', '-1', 'SIGFOO', 'RTMIN-1', 'RTMAX+1', 'RTMIN+31', 'SIGSIGTERM', '1.5']) {
    assert.throws(
      () => signalNumber(name),
      (error) => isEngineError(error, 'invalid') && error.message === `invalid signal: ${name}`,
      name,
    );
  }
});

test('names of numbers', () => {
  assert.equal(signalName(6), 'SIGABRT');
  assert.equal(signalName(9), 'SIGKILL');
  assert.equal(signalName(29), 'SIGIO');
  assert.equal(signalName(37), 'SIGRTMIN+3');
  assert.equal(signalName(99), '99');
});
