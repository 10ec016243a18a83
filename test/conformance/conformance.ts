/**
 * Compares this engine with Docker's daemon, request by request: `npm run conformance [-- NAME…]` runs the scenarios
 * whose names contain one of the words, or all of them, and prints what differs. It fails where a difference is not
 * among the known ones.
 */
import { openContest } from './contest.ts';
import { runScenarios } from './run-scenarios.ts';
import { SCENARIOS } from './tables/index.ts';
import { unexplained, unused } from './known-differences.ts';

const words = process.argv.slice(2);
const chosen = SCENARIOS.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);

await using contest = await openContest();
const { requests, differences } = await runScenarios(contest, chosen);
const unknown = unexplained(differences);
const stale = words.length === 0 ? unused(differences) : [];
for (const { request, field, docker, ours } of unknown)
  process.stdout.write(`${request}\n  ${field}\n    docker ${docker}\n    ours   ${ours}\n`);
process.stdout.write(
  `${requests} requests, ${differences.length - unknown.length} known differences, ${unknown.length} others\n`,
);
for (const { reason } of stale) process.stdout.write(`known, and not there any more: ${reason}\n`);
process.exitCode = unknown.length + stale.length === 0 ? 0 : 1;
