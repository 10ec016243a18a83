import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  formatDate,
  formatFixedTimestamp,
  formatTimestamp,
  formatUnixTimestamp,
  parseUnixTimestamp,
  resolveTimestamp,
} from './timestamps.ts';

const T = 1795502151_094041660n;

describe('timestamps', () => {
  it('are written as RFC 3339 in nanoseconds', () => {
    assert.equal(formatTimestamp(T), '2026-11-24T06:35:51.09404166Z');
    assert.equal(formatFixedTimestamp(T), '2026-11-24T06:35:51.094041660Z');
    assert.equal(formatTimestamp(1795502151_000000000n), '2026-11-24T06:35:51Z');
    assert.equal(formatTimestamp(-1n), '1969-12-31T23:59:59.999999999Z');
    assert.equal(formatDate(1500), '1970-01-01T00:00:01.5Z');
  });

  it('are read as seconds with a fraction', () => {
    assert.equal(parseUnixTimestamp('1795502151.09404166'), T);
    assert.equal(parseUnixTimestamp(formatUnixTimestamp(T)), T);
    assert.equal(parseUnixTimestamp('1795502151'), 1795502151_000000000n);
    for (const none of ['0', '', null, undefined]) assert.equal(parseUnixTimestamp(none), undefined);
    assert.throws(() => parseUnixTimestamp('abc'), /strconv\.ParseInt: parsing "abc": invalid syntax/);
  });

  it('are read as people write them', () => {
    assert.equal(resolveTimestamp('10m', T), T - 600_000_000_000n);
    assert.equal(resolveTimestamp('2026-11-24T06:35:51.09404166Z'), T);
    assert.equal(resolveTimestamp('2026-11-24T07:35:51.09404166+01:00'), T);
    assert.equal(resolveTimestamp('1795502151.09404166'), T);
    assert.equal(resolveTimestamp('2026-11-24T00:00:00Z'), 1795478400_000000000n);
    assert.equal(resolveTimestamp('2026-11-24'), BigInt(new Date(2026, 10, 24).getTime()) * 1_000_000n);
    assert.throws(() => resolveTimestamp('a'), /failed to parse value as time or duration: "a"/);
  });
});
