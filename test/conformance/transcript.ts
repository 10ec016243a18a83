/** Sends the steps of a scenario to one engine and writes down what it answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, request } from '../support/http.ts';
import type { Subject } from '../support/subject.ts';
import type { Scenario, Step } from './scenario.ts';

export interface Entry {
  readonly step: Step;
  readonly answer: Answer;
}

const ANSWER_MS = 60_000;
const RETRY_MS = 50;
const ATTEMPTS = 200;

export async function runScenario(
  engine: Subject,
  { steps }: Scenario,
  version: string,
): Promise<readonly Entry[]> {
  const kept = new Map([['start', String(Date.now() / 1000)]]);
  const entries: Entry[] = [];
  for (const step of steps) {
    const answer = await perform(engine, step, { version, kept });
    const { Id } = step.keep === undefined && !step.discards ? {} : idOf(answer);
    if (step.keep !== undefined && Id !== undefined) kept.set(step.keep, Id);
    if (step.discards && Id !== undefined) {
      await request(engine.socket, 'DELETE', `/containers/${Id}?force=1&v=1`);
    }
    entries.push({ step, answer });
  }
  return entries;
}

interface Context {
  readonly version: string;
  readonly kept: ReadonlyMap<string, string>;
}

async function perform(engine: Subject, step: Step, { version, kept }: Context): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const path = `/v${version}${fill(step.path, kept)}`;
    const sent = request(engine.socket, step.method, path, step.body, step.headers);
    const answer = await within(ANSWER_MS, sent, `${step.method} ${path}`);
    if (step.until === undefined || step.until.test(answer.body) || attempt === ATTEMPTS) return answer;
    await sleep(RETRY_MS);
  }
}

/** A request that is not answered must not hold up the others for ever. */
async function within<T>(milliseconds: number, work: Promise<T>, what: string): Promise<T> {
  const stop = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`${what}: no answer within ${milliseconds} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    stop.abort();
    late.catch(() => undefined);
  }
}

function fill(path: string, kept: ReadonlyMap<string, string>): string {
  return path.replaceAll(/\{(\w+)\}/g, (text, name: string) =>
    name === 'now' ? String(Date.now() / 1000) : (kept.get(name) ?? text),
  );
}

function idOf({ body }: Answer): { readonly Id?: string } {
  try {
    const { Id }: { Id?: string } = JSON.parse(body);
    return Id === undefined ? {} : { Id };
  } catch {
    return {};
  }
}
