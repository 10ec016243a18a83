import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRange } from './byte-range.ts';

describe('parseRange', () => {
  it('reads the one range that there may be', () => {
    const cases: Readonly<Record<string, readonly [number, number]>> = {
      'bytes=0-0': [0, 1],
      'bytes=2-5': [2, 4],
      'bytes=2-500': [2, 8],
      'bytes=9-': [9, 1],
      'bytes=-3': [7, 3],
      'bytes=-30': [0, 10],
    };
    for (const [header, [offset, lengthBytes]] of Object.entries(cases))
      assert.deepEqual(parseRange(header, 10), { offset, lengthBytes }, header);
  });

  it('means the whole by anything else', () => {
    for (const header of ['', 'bytes=', 'bytes=-', 'bytes=5-2', 'bytes=0-1,3-4', 'items=0-1', 'bytes=a-b'])
      assert.equal(parseRange(header, 10), undefined, header);
  });

  it('refuses what starts behind the end', () => {
    for (const header of ['bytes=10-', 'bytes=10-20', 'bytes=-0'])
      assert.throws(() => parseRange(header, 10), { entry: 'RANGE_UNSATISFIABLE' }, header);
  });
});
