/** A short form of `npm run chaos`: each fault once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chaos } from './chaos.ts';

test('kills, a full disk, lost directories and hung files under load lose nothing that clients were told', async (t) => {
  const { faults, done, wrong } = await chaos({
    seed: 1,
    durationMs: 12_000,
    loadMs: 300,
    report: (line) => t.diagnostic(line),
  });
  assert.deepEqual(wrong, []);
  t.diagnostic(JSON.stringify({ faults, done }));
  assert.ok((faults['kill'] ?? 0) > 0 && (done['run'] ?? 0) > 0, JSON.stringify({ faults, done }));
});
