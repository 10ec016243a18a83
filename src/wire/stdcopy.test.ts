import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrameHeader } from './stdcopy.ts';

test('frames are as dockerd makes them', () => {
  assert.equal(encodeFrameHeader('stdout', 3).toString('hex'), '0100000000000003');
  assert.equal(encodeFrameHeader('stderr', 0x10203).toString('hex'), '0200000000010203');
});
