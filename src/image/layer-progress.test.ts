import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDigest } from '#oci/digest.ts';
import { LayerProgress } from './layer-progress.ts';

test('what begins is told at once, how far it is now and then', () => {
  const told: string[] = [];
  const progress = new LayerProgress(parseDigest(`sha256:${'0'.repeat(64)}`), (movement) => {
    if (movement.kind === 'layer-bytes') told.push(`${movement.step} ${movement.doneBytes}`);
  });
  for (const bytes of [1, 2, 3]) progress.bytes('downloading', bytes, 3);
  progress.bytes('extracting', 3, 3);
  assert.deepEqual(told, ['downloading 1', 'extracting 3']);
});
