/** Runs scenarios against Docker's daemon and this engine, and gathers what differs. */
import { compare, type Difference } from './compare.ts';
import { Normalizer } from './normalize.ts';
import type { Scenario, Step } from './scenario.ts';
import { type Entry, runScenario } from './transcript.ts';
import type { Subject } from '../support/subject.ts';

/** An engine with the directory of all its files. */
export interface Contender extends Subject {
  readonly directory: string;
}

export interface Contest {
  readonly docker: Contender;
  readonly ours: Contender;
}

export interface Outcome {
  /** Requests that were sent to each of the two. */
  readonly requests: number;
  readonly differences: readonly Difference[];
}

/** The newest version of the API that Debian's dockerd speaks. */
const NEWEST_OF_BOTH = '1.45';

export async function runScenarios(contest: Contest, scenarios: readonly Scenario[]): Promise<Outcome> {
  let requests = 0;
  const differences: Difference[] = [];
  for (const scenario of scenarios) {
    for (const version of scenario.versions ?? [NEWEST_OF_BOTH]) {
      const [docker, ours] = await Promise.all([
        runScenario(contest.docker, scenario, version),
        runScenario(contest.ours, scenario, version),
      ]);
      requests += docker.length;
      const name = `${scenario.name} (${version})`;
      differences.push(...compareEntries(name, tell(contest.docker, docker), tell(contest.ours, ours)));
    }
  }
  return { requests, differences };
}

function tell({ directory }: Contender, entries: readonly Entry[]) {
  const normalizer = new Normalizer(directory);
  return entries.map(({ step, answer }) => ({ step, told: normalizer.normalize(answer) }));
}

type Told = ReturnType<typeof tell>;

function compareEntries(name: string, docker: Told, ours: Told): readonly Difference[] {
  return docker.flatMap(({ step, told }, index) => {
    const other = ours[index];
    return other ? compare(`${name}: ${requestOf(step)}`, told, other.told) : [];
  });
}

function requestOf({ method, path, body, headers }: Step): string {
  const shown = body === undefined || Buffer.isBuffer(body) ? '' : ` ${bodyText(body)}`;
  return `${method} ${path}${shown}${headers ? ` ${JSON.stringify(headers)}` : ''}`;
}

function bodyText(body: object | string): string {
  return typeof body === 'string' ? JSON.stringify(body) : JSON.stringify(body);
}
