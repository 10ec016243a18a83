import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binarySize, humanSize } from './sizes.ts';
import { parseMemorySize } from '#syntax/memory-size.ts';
import { layOutTable } from './table.ts';
import { ellipsis, quote } from './text.ts';
import { humanDuration } from './times.ts';

test('sizes read as go-units writes them', () => {
  assert.deepEqual(
    [0, 999, 1000, 1234, 1_234_567, 999_999, 4_190_000_000].map((size) => humanSize(size, 3)),
    ['0B', '999B', '1kB', '1.23kB', '1.23MB', '1e+03kB', '4.19GB'],
  );
  assert.deepEqual([1024, 1.5 * 1024 ** 3, 1_048_575].map(binarySize), ['1KiB', '1.5GiB', '1024KiB']);
});

test('sizes of memory are powers of 1024', () => {
  assert.deepEqual(['64m', '1g', '1.5GB', '100', '2KiB', '1 b'].map(parseMemorySize), [
    64 * 1024 ** 2,
    1024 ** 3,
    1.5 * 1024 ** 3,
    100,
    2048,
    1,
  ]);
  assert.throws(() => parseMemorySize('1x'), /invalid size: '1x'/);
});

test('durations read as go-units writes them', () => {
  const minute = 60_000;
  assert.deepEqual(
    [
      0,
      1000,
      59_000,
      minute,
      59 * minute,
      60 * minute,
      47 * 60 * minute,
      72 * 60 * minute,
      14 * 24 * 60 * minute,
    ].map(humanDuration),
    [
      'Less than a second',
      '1 second',
      '59 seconds',
      'About a minute',
      '59 minutes',
      'About an hour',
      '47 hours',
      '3 days',
      '2 weeks',
    ],
  );
});

test('columns are as wide as their widest cell', () => {
  assert.equal(
    layOutTable(['A\tB\tC', 'aaaaaaaaaaaa\tb\tc']),
    'A              B         C\naaaaaaaaaaaa   b         c\n',
  );
});

test('text is shortened and quoted as in Go', () => {
  assert.equal(ellipsis('sh -c "sleep 300; echo"', 20), 'sh -c "sleep 300; e…');
  assert.equal(quote('a "b"\n\u0001é'), '"a \\"b\\"\\n\\x01é"');
});
