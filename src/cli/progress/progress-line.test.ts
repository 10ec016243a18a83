import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressLine } from './progress-line.ts';

const downloading = {
  id: 'abcdefabcdef',
  status: 'Downloading',
  progressDetail: { current: 500_000, total: 2_000_000 },
};

test('a bar as Docker draws it where there is room', () => {
  assert.equal(
    progressLine(downloading, 200),
    `abcdefabcdef: Downloading [${'='.repeat(12)}>${' '.repeat(38)}]    500kB/2MB`,
  );
  assert.equal(
    progressLine({ ...downloading, progressDetail: { current: 2_000_000, total: 2_000_000 } }, 200),
    `abcdefabcdef: Downloading [${'='.repeat(50)}>]      2MB`,
  );
});

test('no line is longer than its room, and the narrower the less is told', () => {
  assert.equal(progressLine(downloading, 60), 'abcdefabcdef: Downloading [====>              ]    500kB/2MB');
  assert.equal(progressLine(downloading, 45), 'abcdefabcdef: Downloading    500kB/2MB');
  assert.equal(progressLine(downloading, 30), 'abcdefabcdef: Downloading 25%');
  assert.equal(progressLine(downloading, 20), 'abcdefabcdef: Downlo');
  for (let columns = 1; columns < 120; columns++)
    assert.ok(progressLine(downloading, columns).length <= columns);
});

test('without a total there is a size, without either the status', () => {
  const { id } = downloading;
  assert.equal(
    progressLine({ id, status: 'Pushing', progressDetail: { current: 1500 } }, 80),
    `${id}: Pushing    1.5kB`,
  );
  assert.equal(progressLine({ id, status: 'Pull complete', progressDetail: {} }, 80), `${id}: Pull complete`);
});
