/**
 * Clients of builds vanish in the middle of every kind of work, on either wire: it stops, and nothing of it stays. What
 * another client waits for goes on.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { DOCKER_CONFIG } from '../support/docker-config.ts';
import { freePort } from '../support/free-port.ts';
import { requestJson } from '../support/http.ts';
import { Relay } from '../support/relay.ts';
import type { Subject } from '../support/subject.ts';
import { until } from '#base/testing.ts';
import { expectCensusWithoutBuilds, expectNothingLeft, storeCensus } from './builder-leftovers.ts';
import { BIG_BYTES, type Stage, StagePlace, STAGES } from './build-stages.ts';
import { wireBuild } from './wire-build.ts';

const POOL_SIZE = 1;

let engine: TestDaemon;
let place: StagePlace;
let port = 0;
let empty: readonly string[] = [];

before(async () => {
  place = await StagePlace.start();
  port = await freePort();
  engine = await TestDaemon.start('--network-pool', String(POOL_SIZE), '--host', `tcp://127.0.0.1:${port}`);
  await importBusybox(engine);
  await wireBuild(engine, { Dockerfile: 'FROM bb\n', outputs: [{ type: 'oci', attributes: {} }], providers });
  empty = storeCensus(engine);
});

after(async () => {
  await using _place = place;
  await engine[Symbol.asyncDispose]();
});

const providers = {
  createFile: () => ({
    write: () => undefined,
    finish: () => Promise.resolve(),
    [Symbol.dispose]: () => undefined,
  }),
};

for (const stage of STAGES) test(`while ${stage.title}`, () => leaveInside(stage));

async function leaveInside(stage: Stage): Promise<void> {
  if (stage.prepare) {
    await stage.prepare(place, engine);
    await expectCensusWithoutBuilds(engine, [], empty);
  }
  await using relay = await Relay.start(engine);
  let left: Promise<void> | undefined;
  const leave = async () => relay.cut();
  const builds = stage.builds(place, () => (left ??= leave()));
  const ends = await Promise.allSettled(builds.map((wish) => wireBuild(relay, wish)));
  assert.ok(left, JSON.stringify(ends.map((end) => end.status === 'rejected' && String(end.reason))));
  await expectStopped(stage.isResumed);
  place.letGo();
  const again = await wireBuild(engine, { ...stage.again(place), references: ['again:1'] });
  assert.ok(again.cached.length >= stage.cached, again.cached.join('\n'));
  await expectCensusWithoutBuilds(engine, ['again:1', 'stored:1', place.name('base')], empty);
}

async function expectStopped(isResumed = false): Promise<void> {
  await until(() => place.heldRequests === 0, 'the engine hangs up');
  await until(async () => !(await isBuilding()), 'nothing is built');
  if (!isResumed) await expectNothingLeft(engine, POOL_SIZE);
}

/** Everything that a build uses is shown as in use. */
async function isBuilding(): Promise<boolean> {
  const usage = await requestJson<{ readonly BuildCache: readonly { readonly InUse: boolean }[] }>(
    engine.socket,
    'GET',
    '/system/df',
  );
  return usage.BuildCache.some(({ InUse }) => InUse);
}

/** `docker build`, by BuildKit's wire, of the large file. */
function buildx(subject: Subject, ...args: readonly string[]): ChildProcess {
  const context = join(place.directory, 'buildx');
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'big'), place.big);
  writeFileSync(join(context, 'Dockerfile'), 'FROM bb\nCOPY big /big\n');
  const line = ['-H', subject.host, 'build', '--network', 'none', '--provenance=false', ...args, context];
  return spawn('docker', line, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, DOCKER_CONFIG, DOCKER_BUILDKIT: '1' },
  });
}

async function die(client: ChildProcess): Promise<void> {
  client.kill('SIGKILL');
  await once(client, 'exit');
}

test('buildx: while it sends its context', async () => {
  await using relay = await Relay.start(engine);
  const some = Promise.withResolvers<void>();
  relay.limitBytes = BIG_BYTES / 2;
  relay.onLimit = some.resolve;
  const client = buildx(relay);
  await some.promise;
  await die(client);
  await expectStopped();
  await expectCensusWithoutBuilds(engine, [], empty);
});

test('buildx: while it is sent a result', async () => {
  const client = buildx(engine, '-o', 'type=tar,dest=-');
  assert.ok(client.stdout);
  await once(client.stdout, 'readable');
  await die(client);
  await expectStopped();
  await expectCensusWithoutBuilds(engine, [], empty);
});

test('buildx: while the engine pushes for it', async () => {
  place.registry.hold = ({ path }) => path.includes('/uploads/');
  const held = new Promise<void>((resolve) => {
    place.registry.onHeld = resolve;
  });
  const client = buildx(engine, '-o', `type=registry,name=${place.name('buildx')}`);
  await held;
  await die(client);
  await expectStopped();
  place.letGo();
  // It is stored before it is pushed.
  await expectCensusWithoutBuilds(engine, [place.name('buildx')], empty);
});

test('what another client waits for too goes on, and is its own', async () => {
  const shared =
    'FROM bb\nRUN --mount=type=cache,id=shared,target=/c echo shared; until [ -e /c/go ]; do usleep 10000; done; echo made > /made\n';
  await using relay = await Relay.start(engine);
  const heard = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const build = (of: number, subject: Relay | TestDaemon) =>
    wireBuild(subject, {
      Dockerfile: `${shared}ENV OF=${of}\n`,
      references: ['again:1'],
      onEvent: (_, data) => {
        if (data.includes('shared\n')) heard[of]?.resolve();
      },
    });
  const leaving = assert.rejects(build(0, relay));
  const staying = build(1, engine);
  await Promise.all(heard.map(({ promise }) => promise));
  relay.cut();
  await leaving;
  const [mounted = ''] = readdirSync(join(engine.root, 'builds/caches'));
  const directory = join(engine.root, 'builds/caches', mounted);
  writeFileSync(join(directory, 'go'), '');
  const { cached } = await staying;
  assert.deepEqual(
    cached.filter((name) => name.includes('RUN')),
    [],
  );
  await expectStopped();
  await expectCensusWithoutBuilds(engine, ['again:1'], empty);
});

test('a connection of which only the client has closed its half ends its build, on either wire', async () => {
  const Dockerfile = 'FROM bb\nRUN echo begun; exec sleep 1000\n';
  await using relay = await Relay.start(engine);
  let said = '';
  const hear = (data: Buffer) => {
    said += data.toString();
    if (said.includes('begun\n')) relay.halfClose();
  };
  await assert.rejects(wireBuild(relay, { Dockerfile, onEvent: (_, data) => hear(data) }));
  await expectStopped();
  const context = mkdtempSync(join(place.directory, 'context-'));
  writeFileSync(join(context, 'Dockerfile'), Dockerfile);
  const args = ['build', '--network', 'none', '--progress', 'plain', context];
  const client = spawn('docker', ['-H', relay.host, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DOCKER_CONFIG, DOCKER_BUILDKIT: '1' },
  });
  const ended = once(client, 'exit');
  said = '';
  // It writes a line in pieces.
  client.stderr.on('data', hear);
  await ended;
  assert.notEqual(client.exitCode, 0);
  await expectStopped();
  await expectCensusWithoutBuilds(engine, [], empty);
});

test('a machine that has vanished with its client is found out', async () => {
  using stack = new DisposableStack();
  const socket = connect(port, '127.0.0.1');
  stack.defer(() => socket.destroy());
  await once(socket, 'connect');
  const probed = () =>
    /^ESTAB.*timer:\(keepalive,/m.test(
      execFileSync('ss', ['-tnoH', `sport = :${port}`], { encoding: 'utf8' }),
    );
  // The kernel takes connections before the engine does.
  await until(probed, 'the engine has the kernel probe it');
});
