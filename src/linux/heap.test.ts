import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { trimHeap } from './heap.ts';

function heapBytes(): number {
  const heap = readFileSync('/proc/self/smaps', 'utf8').split('[heap]')[1] ?? '';
  return Number(/Rss:\s+(\d+) kB/.exec(heap)?.[1] ?? 0) * 1024;
}

test('what was freed below something that stays goes back to the kernel', () => {
  const small = 100_000;
  const freed = Array.from({ length: 400 }, () => Buffer.allocUnsafeSlow(small).fill(1));
  const stays = Buffer.allocUnsafeSlow(small);
  const before = heapBytes();
  for (const { buffer } of freed.splice(0)) if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  trimHeap();
  assert.ok(heapBytes() < before - 200 * small, `${heapBytes()} bytes of ${before}`);
  assert.equal(stays.length, small);
});
