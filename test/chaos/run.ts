/** `npm run chaos`: see `scripts/chaos.sh`. */
import { parseArgs } from 'node:util';
import { chaos } from './chaos.ts';

const { values: options } = parseArgs({
  options: { seed: { type: 'string' }, minutes: { type: 'string', default: '5' } },
});
const seed = Number(options.seed ?? Date.now() % 2 ** 31);
const minutes = Number(options.minutes);
if (![seed, minutes].every((value) => value >= 0)) throw new Error('--seed and --minutes take numbers');
console.log(`seed ${seed}, ${minutes} minutes`);
const { faults, done, wrong } = await chaos({
  seed,
  durationMs: minutes * 60_000,
  loadMs: 2000,
  report: (line) => console.log(line),
});
const listed = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
console.log(`clients: ${listed(done)}`);
console.log(`faults: ${listed(faults)}`);
console.log(wrong.length === 0 ? 'nothing was lost' : `lost:\n${wrong.join('\n')}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
