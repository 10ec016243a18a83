/** Clients work while faults happen; after each, what they were told is compared with what there is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../fuzz/random.ts';
import { Client } from './clients.ts';
import { FAULTS, type FaultContext } from './faults.ts';
import { Ledger } from './ledger.ts';
import { verify } from './verify.ts';
import { World } from './world.ts';

const CLIENTS = 4;

export interface ChaosOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Load between two faults. */
  readonly loadMs: number;
  readonly report: (line: string) => void;
}

export interface ChaosReport {
  /** How often each fault happened, and what clients had done. */
  readonly faults: Readonly<Record<string, number>>;
  readonly done: Readonly<Record<string, number>>;
  /** What was lost, or otherwise than clients were told. */
  readonly wrong: readonly string[];
}

export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  await using world = await World.start();
  const random = new Random(options.seed);
  const ledger = new Ledger();
  const wrong: string[] = [];
  const clients = Array.from(
    { length: CLIENTS },
    (_, index) =>
      new Client({ world, ledger, random: new Random(options.seed + index + 1), name: `c${index}` }),
  );
  const faults: Record<string, number> = {};
  const endAt = Date.now() + options.durationMs;
  const names = Object.keys(FAULTS);
  // Each kind once, then at random.
  for (let round = 0; Date.now() < endAt; round++) {
    const name = names[round < names.length ? round : random.below(names.length)] ?? 'kill';
    const load = new Load(clients);
    await sleep(options.loadMs / 2 + random.below(options.loadMs));
    const context: FaultContext = { world, random, wrong, pause: () => load.end() };
    await FAULTS[name]?.(context);
    await load.end();
    await world.engine.ensureRunning();
    faults[name] = (faults[name] ?? 0) + 1;
    wrong.push(...(await verify(world, ledger)));
    for (const client of clients) wrong.push(...client.wrong.splice(0));
    options.report(`${name}: ${wrong.length === 0 ? 'nothing is lost' : wrong.join('; ')}`);
  }
  return { faults, done: totals(clients), wrong };
}

/** Clients at work. */
class Load {
  readonly #clients: readonly Client[];
  #stopping = new AbortController();
  #working: Promise<unknown>;

  constructor(clients: readonly Client[]) {
    this.#clients = clients;
    this.#working = this.#start();
  }

  #start(): Promise<unknown> {
    this.#stopping = new AbortController();
    return Promise.all(this.#clients.map((client) => client.run(this.#stopping.signal)));
  }

  /** Resolves when each client has come to the end of what it does. */
  async end(): Promise<void> {
    this.#stopping.abort();
    await this.#working;
  }
}

function totals(clients: readonly Client[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { done } of clients) for (const [what, count] of done) sums[what] = (sums[what] ?? 0) + count;
  return sums;
}
