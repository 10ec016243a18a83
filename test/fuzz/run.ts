/** `npm run fuzz`: see `scripts/fuzz.sh`. */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';
import { openTargets } from './targets.ts';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    target: { type: 'string', multiple: true, default: [] },
    attempt: { type: 'string' },
  },
});
const seed = Number(options.seed ?? Date.now() % 2 ** 31);
const minutes = Number(options.minutes);
const attempt = options.attempt === undefined ? undefined : Number(options.attempt);
if (![seed, minutes, attempt ?? 0].every((value) => value >= 0))
  throw new Error('--seed, --minutes and --attempt take numbers');
console.log(`seed ${seed}, ${attempt === undefined ? `${minutes} minutes` : `attempt ${attempt}`}`);
await using opened = await openTargets(options.target);
const { attempts, findings } = await fuzz({
  seed,
  durationMs: minutes * 60_000,
  targets: opened.targets,
  attempt,
  report: (line) => console.log(line),
});
for (const [target, count] of Object.entries(attempts)) console.log(`${target}: ${count} attempts`);
console.log(findings.length === 0 ? 'nothing found' : `${findings.length} found`);
process.exitCode = findings.length === 0 ? 0 : 1;
