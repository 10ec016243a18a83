import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerOpenFiles, fewContainers } from './open-files.ts';

test('containers get the limit that the daemon was started with', () => {
  const limit = { soft: 4096, hard: 4096 };
  assert.deepEqual(containerOpenFiles({ CAISSON_OPEN_FILES: '1024' }, limit), { soft: 1024, hard: 4096 });
  for (const value of ['4096', 'unlimited', '', 'x', '-1', undefined])
    assert.equal(containerOpenFiles({ CAISSON_OPEN_FILES: value }, limit), undefined);
});

test('a limit that does not do for a thousand containers is told', () => {
  assert.equal(fewContainers({ soft: 524_288, hard: 524_288 }), undefined);
  assert.equal(fewContainers({ soft: Infinity, hard: Infinity }), undefined);
  assert.equal(fewContainers({ soft: 1400, hard: 1400 }), 200);
  assert.equal(fewContainers({ soft: 64, hard: 64 }), 0);
});
