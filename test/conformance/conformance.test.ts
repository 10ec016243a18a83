/** Answers are Docker's, as far as a minute goes; `npm run conformance` compares all of them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openContest } from './contest.ts';
import { unexplained } from './known-differences.ts';
import { type Contest, runScenarios } from './run-scenarios.ts';
import { SCENARIOS } from './tables/index.ts';

let contest: Contest & AsyncDisposable;

before(async () => {
  contest = await openContest();
});

after(() => contest[Symbol.asyncDispose]());

for (const scenario of SCENARIOS.filter(({ isLong }) => !isLong)) {
  test(scenario.name, async () => {
    // The versions before differ in fields, which `test/engine/api-versions.test.ts` looks at.
    const versions = (scenario.versions ?? []).slice(-1);
    const { differences } = await runScenarios(contest, [
      versions.length === 0 ? scenario : { ...scenario, versions },
    ]);
    assert.deepEqual(unexplained(differences), []);
  });
}
