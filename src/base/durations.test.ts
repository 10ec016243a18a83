import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatDuration, parseDuration, tryParseDuration } from './durations.ts';

describe('durations', () => {
  it('read as Go reads them', () => {
    assert.equal(parseDuration('1h30m'), 5_400_000_000_000n);
    assert.equal(parseDuration('-1.5s'), -1_500_000_000n);
    assert.equal(parseDuration('.5ms'), 500_000n);
    assert.equal(parseDuration('3us'), 3_000n);
    assert.equal(parseDuration('0'), 0n);
    for (const text of ['', '5', 's', '1h x', '.s', '1 h'])
      assert.equal(tryParseDuration(text), undefined, text);
    assert.throws(() => parseDuration('5'), /time: invalid duration "5"/);
  });

  it('print as Go prints them', () => {
    const cases: [bigint, string][] = [
      [0n, '0s'],
      [1n, '1ns'],
      [1_500n, '1.5µs'],
      [20_000_000n, '20ms'],
      [90_000_000_000n, '1m30s'],
      [3_600_000_000_000n, '1h0m0s'],
      [3_661_500_000_000n, '1h1m1.5s'],
      [-5_000_000_000n, '-5s'],
    ];
    for (const [duration, text] of cases) assert.equal(formatDuration(duration), text);
  });
});
