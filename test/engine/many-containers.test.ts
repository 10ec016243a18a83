/**
 * Three hundred containers on one daemon, which is killed while more are being started: nothing is lost, nothing stays,
 * and a container costs few descriptors. `npm run bench -- --thousand` does it with a thousand, and measures.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { until } from '#base/testing.ts';
import { countDescriptors } from '../support/descriptors.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { inParallel } from '../support/in-parallel.ts';

const CONTAINERS = 300;
/** The daemon is killed after so many containers. */
const BEFORE_THE_CRASH = 250;
const AT_ONCE = 8;
/** Two pipes, the monitor and the resolver's two sockets; an input here and there, and one terminal for two pipes. */
const DESCRIPTORS_EACH = 5.1;

let engine: TestDaemon;
let gate: string;
let idleDescriptors: number;

before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
  gate = mkdtempSync(join(engine.directory, 'gate-'));
  // The first start opens what all later ones share.
  await dockerOk(engine, ['run', '--rm', 'bb', 'true']);
  idleDescriptors = countDescriptors(engine.pid);
});

after(() => engine[Symbol.asyncDispose]());

const untilFile = (name: string) => `until [ -e /gate/${name} ]; do sleep 1; done`;

/** What a container does: most wait, one in twenty ends while no daemon runs, and one in twenty says more later. */
function commandOf(index: number): readonly string[] {
  if (index % 20 === 1) return ['sh', '-c', `${untilFile('away')}; echo gone ${index}; exit ${index % 200}`];
  if (index % 20 === 2)
    return ['sh', '-c', `echo early ${index}; ${untilFile('back')}; echo late; sleep 1000`];
  return ['sleep', '1000'];
}

const nameOf = (index: number) => `many-${index}`;
const indices = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const endsAlone = (index: number) => index % 20 === 1;
const saysMore = (index: number) => index % 20 === 2;

async function create(index: number): Promise<void> {
  const body = {
    Image: 'bb',
    Cmd: commandOf(index),
    Tty: index % 30 === 5,
    OpenStdin: index % 30 === 6,
    HostConfig: { Binds: [`${gate}:/gate`] },
  };
  const { status, body: text } = await ask('POST', `/containers/create?name=${nameOf(index)}`, body);
  assert.ok([201, 409].includes(status), text);
}

async function start(index: number): Promise<void> {
  const { status, body } = await ask('POST', `/containers/${nameOf(index)}/start`);
  assert.ok([204, 304].includes(status), body);
}

const ask = (method: string, path: string, body?: object) => request(engine.socket, method, path, body);

async function createAndStart(index: number): Promise<void> {
  await create(index);
  await start(index);
}

/** Kills the daemon in the middle of starts; answers those that clients were told to be running. */
async function startAndKill(): Promise<readonly number[]> {
  const started: number[] = [];
  const starting = inParallel(AT_ONCE, indices(BEFORE_THE_CRASH, CONTAINERS), async (index) => {
    await createAndStart(index);
    started.push(index);
    if (started.length === 10) await engine.kill();
  });
  await assert.rejects(starting);
  return started;
}

async function idsOf(selected: readonly number[]): Promise<readonly string[]> {
  return await Promise.all(
    selected.map(async (index) => {
      const path = `/containers/${nameOf(index)}/json`;
      return (await requestJson<{ Id: string }>(engine.socket, 'GET', path)).Id;
    }),
  );
}

async function untilEnded(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const path = join(engine.run, 'containers/notices', `${id}.exit`);
    await until(() => existsSync(path) && readFileSync(path, 'utf8').endsWith('\n'), `the end of ${id}`);
  }
}

/** The states of containers by their numbers. */
async function states(): Promise<ReadonlyMap<number, string>> {
  const rows = await engine.containers();
  return new Map(rows.map(({ Names: [name = ''], State }) => [Number(name.slice('/many-'.length)), State]));
}

async function firstAnswerMs(): Promise<number> {
  const began = performance.now();
  await engine.start();
  await engine.containers();
  return performance.now() - began;
}

test('three hundred containers, and a crash in the middle', async (context: TestContext) => {
  const began = performance.now();
  await inParallel(AT_ONCE, indices(0, BEFORE_THE_CRASH), createAndStart);
  const rate = (BEFORE_THE_CRASH / (performance.now() - began)) * 1000;
  const ending = indices(0, BEFORE_THE_CRASH).filter(endsAlone);
  const endingIds = await idsOf(ending);
  const started = await startAndKill();
  writeFileSync(join(gate, 'away'), '');
  await untilEnded(endingIds);
  const answerMs = await firstAnswerMs();
  context.diagnostic(
    `${rate.toFixed(0)} starts a second; first answer ${answerMs.toFixed(0)} ms after the crash`,
  );
  await expectNothingLost(started);
  await inParallel(AT_ONCE, indices(BEFORE_THE_CRASH, CONTAINERS), createAndStart);
  await expectAllToWork();
  await expectFewDescriptors(context);
  await removeAll();
});

async function expectNothingLost(started: readonly number[]): Promise<void> {
  const found = await states();
  for (const index of indices(0, BEFORE_THE_CRASH)) {
    assert.equal(found.get(index), endsAlone(index) ? 'exited' : 'running', nameOf(index));
  }
  for (const index of started)
    if (!endsAlone(index)) assert.equal(found.get(index), 'running', nameOf(index));
  for (const index of indices(0, BEFORE_THE_CRASH).filter(endsAlone)) {
    const { body } = await ask('POST', `/containers/${nameOf(index)}/wait`);
    assert.equal(JSON.parse(body).StatusCode, index % 200);
    assert.equal(await dockerOk(engine, ['logs', nameOf(index)]), `gone ${index}`);
  }
}

async function expectAllToWork(): Promise<void> {
  writeFileSync(join(gate, 'back'), '');
  const running = [...(await states())].flatMap(([index, state]) => (state === 'running' ? [index] : []));
  assert.deepEqual(
    new Set(running.filter((index) => !endsAlone(index))),
    new Set(indices(0, CONTAINERS).filter((index) => !endsAlone(index))),
  );
  for (const index of indices(0, CONTAINERS).filter(saysMore)) {
    const logs = async () => await dockerOk(engine, ['logs', nameOf(index)]);
    await until(async () => (await logs()) === `early ${index}\nlate`, `${nameOf(index)} says more`);
  }
  const some = indices(0, CONTAINERS).filter((index) => index % 30 === 7);
  await inParallel(AT_ONCE, some, async (index) => {
    assert.equal(await dockerOk(engine, ['exec', nameOf(index), 'echo', 'here']), 'here');
  });
  const resolved = await dockerOk(engine, ['exec', nameOf(0), 'nslookup', nameOf(CONTAINERS - 20)]);
  assert.match(resolved, /^Address:\s+\d+\.\d+\.\d+\.\d+$/m);
}

/** Checks descriptors after the last client has gone. */
async function expectFewDescriptors(context: TestContext): Promise<void> {
  const running = [...(await states()).values()].filter((state) => state === 'running').length;
  const each = () => (countDescriptors(engine.pid) - idleDescriptors) / running;
  await until(
    () => each() <= DESCRIPTORS_EACH,
    () => `${each()} descriptors for each container`,
  );
  context.diagnostic(`${each().toFixed(2)} descriptors for each of ${running} containers`);
}

async function removeAll(): Promise<void> {
  await inParallel(AT_ONCE, indices(0, CONTAINERS), async (index) => {
    const { status, body } = await ask('DELETE', `/containers/${nameOf(index)}?force=1&v=1`);
    assert.equal(status, 204, body);
  });
  assert.deepEqual(await engine.containers(), []);
  const extra = () => countDescriptors(engine.pid) - idleDescriptors;
  await until(
    () => extra() <= 0,
    () => `${extra()} descriptors are kept`,
  );
}
