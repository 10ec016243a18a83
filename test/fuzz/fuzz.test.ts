/** A few seconds of `npm run fuzz`, always from the same seed. What more of it finds becomes a case of its own test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe, fuzz } from './fuzz.ts';
import { openTargets } from './targets.ts';

const SEED = 20_260_101;
const DURATION_MS = 7000;

test('input that is nearly right is read or refused: nothing breaks, hangs or stays', async () => {
  await using opened = await openTargets();
  const { findings, attempts } = await fuzz({
    seed: SEED,
    durationMs: DURATION_MS,
    turnMs: DURATION_MS / opened.targets.length,
    targets: opened.targets,
  });
  assert.deepEqual(
    findings.map((finding) => describe(SEED, finding)),
    [],
  );
  for (const { name } of opened.targets) assert.ok((attempts[name] ?? 0) > 0, `${name} was tried`);
});
