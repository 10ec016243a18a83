/**
 * The daemon is killed where a build waits for something in the test's hands: it is in the middle for certain. The next
 * daemon has nothing left of that, builds the same from what was acknowledged, and in the end keeps nothing.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { FileSink } from '../../src/client/build/providers.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { request } from '../support/http.ts';
import { expectCensusWithoutBuilds, expectNothingLeft, storeCensus } from './builder-leftovers.ts';
import { type Stage, StagePlace, STAGES } from './build-stages.ts';
import { wireBuild } from './wire-build.ts';

const POOL_SIZE = 1;

let engine: TestDaemon;
let place: StagePlace;
let empty: readonly string[] = [];

before(async () => {
  place = await StagePlace.start();
  engine = await TestDaemon.start('--network-pool', String(POOL_SIZE));
  await importBusybox(engine);
  // What is packed of an image that stays stays too.
  const providers = { createFile: () => taking(() => undefined) };
  await wireBuild(engine, { Dockerfile: 'FROM bb\n', outputs: [output('oci')], providers });
  await expectNothingLeft(engine, POOL_SIZE);
  empty = storeCensus(engine);
});

after(async () => {
  await using _place = place;
  await engine[Symbol.asyncDispose]();
});

const output = (type: string) => ({ type, attributes: {} });

function taking(take: (chunk: Uint8Array) => void): FileSink {
  return { write: take, finish: () => Promise.resolve(), [Symbol.dispose]: () => undefined };
}

for (const stage of STAGES) test(`while ${stage.title}`, () => killInside(stage));

async function killInside(stage: Stage): Promise<void> {
  await engine.ensureRunning();
  if (stage.prepare) {
    await stage.prepare(place, engine);
    await expectCensusWithoutBuilds(engine, [], empty);
  }
  let killed: Promise<void> | undefined;
  const builds = stage.builds(place, () => (killed ??= engine.kill()));
  const ends = await Promise.allSettled(builds.map((wish) => wireBuild(engine, wish)));
  assert.ok(killed, JSON.stringify(ends.map((end) => end.status === 'rejected' && String(end.reason))));
  await killed;
  await engine.start();
  if (!stage.isResumed) await expectNothingLeft(engine, POOL_SIZE);
  place.letGo();
  const chunks: Uint8Array[] = [];
  const again = await wireBuild(engine, {
    ...stage.again(place),
    references: ['again:1'],
    outputs: [output('image'), output('tar')],
    providers: { createFile: () => taking((chunk) => chunks.push(chunk)) },
  });
  assert.ok(again.cached.length >= stage.cached, again.cached.join('\n'));
  assert.ok(Buffer.concat(chunks).includes(place.big), 'the result is another');
  await expectCensusWithoutBuilds(engine, ['again:1', 'stored:1', place.name('base')], empty);
}

test('while the cache is pruned', async () => {
  await engine.ensureRunning();
  const numbers = Array.from({ length: 8 }, (_, index) => index);
  const steps = numbers.map((number) => `RUN head -c 1000000 /dev/zero > /${number}\n`);
  const wish = { Dockerfile: `FROM bb\n${steps.join('')}`, references: ['pruned:1'] };
  await wireBuild(engine, { ...wish, references: [] });
  await request(engine.socket, 'POST', '/images/prune');
  const layers = () => storeCensus(engine).filter((path) => path.startsWith('layers/')).length;
  const all = layers();
  const pruned = request(engine.socket, 'POST', '/build/prune?all=1').catch(() => undefined);
  while (layers() === all) await setImmediate();
  await engine.kill();
  await pruned;
  await engine.start();
  await expectNothingLeft(engine, POOL_SIZE);
  await wireBuild(engine, wish);
  const counted = await dockerOk(engine, [
    'run',
    '--rm',
    '--network',
    'none',
    'pruned:1',
    'sh',
    '-c',
    'cat /[0-7] | wc -c',
  ]);
  assert.equal(counted, '8000000');
  await expectCensusWithoutBuilds(engine, ['pruned:1'], empty);
});
