/**
 * A program for tests, in a network namespace of its own: nftables in a process with many descriptors.
 *
 *   node many-descriptors.fixture.ts early|late COUNT
 *
 * COUNT descriptors, or as many as the process may have, are opened after (`early`) or before (`late`) nftables is
 * used for the first time. It prints `done`, or the code of the error.
 */
import { openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { isEngineError } from '#base/errors.ts';
import { Nftables } from './nftables.ts';

/** Interfaces by name make the library open a socket of its own in passing. */
const TABLE = `table inet many {
  chain c {
    type filter hook input priority 0; policy accept;
    iif lo accept
  }
}
`;
const TRANSACTIONS = 50;

function openMany(count: number): void {
  try {
    for (let opened = 0; opened < count; opened++) openSync('/dev/null', 'r');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EMFILE')) throw error;
  }
}

/** Other threads open and close meanwhile, and take the lowest number each time. */
async function disturb(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await using _file = await open('/dev/null', 'r');
    } catch {
      // All descriptors that the process may have are in use.
    }
  }
}

async function use(): Promise<void> {
  const done = new AbortController();
  const disturbances = [1, 2, 3].map(() => disturb(done.signal));
  using kept = Nftables.open();
  kept.run(TABLE);
  for (let count = 0; count < TRANSACTIONS; count++) {
    Nftables.runOnce(`${TABLE}delete table inet many`);
    kept.run(TABLE);
    await Promise.resolve();
    if (count % 10 === 0) await new Promise(setImmediate);
  }
  kept.runJson('list ruleset');
  done.abort();
  await Promise.all(disturbances);
}

const [order, count] = process.argv.slice(2);
try {
  if (order === 'early') Nftables.runOnce('list tables');
  openMany(Number(count));
  await use();
  process.stdout.write('done\n');
} catch (error) {
  process.stdout.write(`${isEngineError(error) ? error.code : String(error)}\n`);
}
process.exit(0);
