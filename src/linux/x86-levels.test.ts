import assert from 'node:assert/strict';
import { test } from 'node:test';
import { x86Levels } from './x86-levels.ts';

const SECOND = 'pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm';
const THIRD = `${SECOND} fma movbe xsave avx f16c abm bmi1 avx2 bmi2`;
const FOURTH = `${THIRD} avx512f avx512dq avx512cd avx512bw avx512vl`;

function levelsWith(flags: string): readonly string[] {
  return x86Levels(`processor\t: 0\nmodel name\t: one\nflags\t\t: fpu sse2 ${flags}\nbugs\t\t:\n`);
}

test('a level is there with all that it and those below it have', () => {
  assert.deepEqual(levelsWith(''), []);
  assert.deepEqual(levelsWith(SECOND), ['v2']);
  assert.deepEqual(levelsWith(THIRD), ['v2', 'v3']);
  assert.deepEqual(levelsWith(FOURTH), ['v2', 'v3', 'v4']);
  assert.deepEqual(levelsWith(FOURTH.replace(' bmi2', '')), ['v2']);
  assert.deepEqual(levelsWith(FOURTH.replace('popcnt', '')), []);
});

test('machines without such words have none; this one says what it has', () => {
  assert.deepEqual(x86Levels('processor\t: 0\nFeatures\t: fp asimd\n'), []);
  assert.deepEqual(x86Levels(), ['v2', 'v3', 'v4'].slice(0, x86Levels().length));
});
