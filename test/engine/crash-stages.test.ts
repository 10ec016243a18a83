/**
 * The daemon is killed at every stage of what it does. The next one must come up, show a consistent state, have
 * nothing on the host without an owner, and be able to do the same again.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { isDeepStrictEqual } from 'node:util';
import { END_OF_ARCHIVE } from '../../src/oci/tar-writer.ts';
import { manyFiles, tarOf } from '../fixtures/tar.ts';
import { type ContainerRow, TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';
import { type Answer, request, requestJson } from '../support/http.ts';
import type { Owners } from '../support/leftovers.ts';
import { until } from '#base/testing.ts';

const POOL_SIZE = 2;
const CONTAINERS = 3;
const NAMES = Array.from({ length: CONTAINERS }, (_, index) => `stage-${index}`);

let engine: TestDaemon;

before(async () => {
  engine = await TestDaemon.start('--network-pool', String(POOL_SIZE));
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

/** A daemon that is gone unexpectedly has written why. */
async function ask(method: string, path: string, body?: object): Promise<Answer> {
  try {
    return await request(engine.socket, method, path, body);
  } catch (cause) {
    throw new Error(`${method} ${path} failed:\n${engine.log().slice(-2000)}`, { cause });
  }
}

interface Inspected {
  readonly Id: string;
  readonly ExecIDs: readonly string[] | null;
  readonly State: { readonly Running: boolean; readonly Pid: number };
  readonly NetworkSettings: { readonly Ports: Readonly<Record<string, readonly unknown[] | null>> };
}

/** One with a TTY, one with a published port, one with a volume. */
function createRequest(index: number): object {
  return {
    Image: 'bb',
    Cmd: ['sleep', '1000'],
    Tty: index === 0,
    OpenStdin: index === 0,
    ExposedPorts: { '80/tcp': {} },
    HostConfig: {
      ...(index === 1 && { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } }),
    },
    ...(index === 2 && { Volumes: { '/data': {} } }),
  };
}

const everyName = async (step: (name: string, index: number) => Promise<unknown>) => {
  await Promise.all(NAMES.map(step));
};
const create = () =>
  everyName((name, index) => ask('POST', `/containers/create?name=${name}`, createRequest(index)));
const start = () => everyName((name) => ask('POST', `/containers/${name}/start`));
const stop = () => everyName((name) => ask('POST', `/containers/${name}/stop?t=0`));
const remove = () => everyName((name) => ask('DELETE', `/containers/${name}?force=1&v=1`));

async function startAll(): Promise<void> {
  await create();
  await start();
}

interface Stages {
  /** Brings the engine to where the operation begins; the engine may be anywhere after the last crash. */
  readonly prepare: () => Promise<void>;
  readonly operation: () => Promise<void>;
  readonly crashes: number;
  /** What must hold beside {@link expectConsistency}, after each crash. */
  readonly check?: () => Promise<void>;
}

/** Kills the daemon again and again, each time a little later into the operation. */
async function crashThrough(context: TestContext, { prepare, operation, crashes, check }: Stages) {
  await prepare();
  const before = performance.now();
  await operation();
  const durationMs = performance.now() - before;
  for (let crash = 0; crash < crashes; crash++) {
    await prepare();
    const running = operation().catch(() => undefined);
    // The moment of the crash is what differs.
    await sleep((durationMs * 1.1 * crash) / crashes);
    await engine.kill();
    await running;
    await engine.start();
    await expectConsistency();
    await check?.();
  }
  context.diagnostic(`${crashes} crashes over ${durationMs.toFixed(0)} ms`);
  await prepare();
  await operation();
  await expectConsistency();
}

/**
 * Every container, as list and inspect show it; undefined if they do not agree with each other and with /proc, or if
 * one is being restarted.
 */
async function tryInspectAll(): Promise<readonly Inspected[] | undefined> {
  const rows = await engine.containers();
  const answers = await Promise.all(rows.map(({ Id }) => ask('GET', `/containers/${Id}/json`)));
  if (answers.some(({ status }) => status !== 200)) return undefined;
  const containers = answers.map(({ body }): Inspected => JSON.parse(body));
  const agree = containers.every(
    ({ State }, index) =>
      rows[index]?.State !== 'restarting' &&
      State.Running === (rows[index]?.State === 'running') &&
      (!State.Running || existsSync(`/proc/${State.Pid}`)),
  );
  return agree ? containers : undefined;
}

/**
 * What the engine shows agrees with itself and with what is on the host. It may not at once: what a daemon was killed
 * in the middle of may end just now.
 */
async function expectConsistency(): Promise<void> {
  let containers: readonly Inspected[] = [];
  await until(async () => {
    const inspected = await tryInspectAll();
    containers = inspected ?? [];
    return inspected !== undefined;
  }, 'list, inspect and the host agree');
  const running = containers.filter(({ State }) => State.Running);
  const owners: Owners = {
    running: running.flatMap(({ Id, ExecIDs }) => [Id, ...(ExecIDs ?? [])]),
    known: containers.map(({ Id }) => Id),
    publishedPorts: running.flatMap(({ NetworkSettings }) => publishedOf(NetworkSettings.Ports)).length,
    poolSize: POOL_SIZE,
  };
  assert.deepEqual(await engine.leftovers(owners), []);
}

function publishedOf(ports: Inspected['NetworkSettings']['Ports']): readonly unknown[] {
  return Object.values(ports).flatMap((bindings) => bindings ?? []);
}

/** Blobs and layers in the store: the same for the same images. */
function storedFiles(): readonly string[] {
  return ['content/blobs/sha256', 'content/ingest', 'layers'].flatMap((directory) =>
    readdirSync(join(engine.root, directory))
      .map((name) => join(directory, name))
      .toSorted(),
  );
}

test('create', (context) =>
  crashThrough(context, { prepare: remove, operation: create, crashes: 12, check: expectUsable }));

test('start', (context) =>
  crashThrough(context, {
    prepare: async () => {
      await remove();
      await create();
    },
    operation: start,
    crashes: 16,
    check: expectUsable,
  }));

/** Whatever the crash left of the containers, they can be started. */
async function expectUsable(): Promise<void> {
  await create();
  for (const name of NAMES) {
    const answer = await ask('POST', `/containers/${name}/start`);
    assert.ok([204, 304].includes(answer.status), `start of ${name}: ${answer.status} ${answer.body}`);
  }
  await expectConsistency();
}

test('stop', (context) =>
  crashThrough(context, {
    prepare: startAll,
    operation: stop,
    crashes: 8,
  }));

test('rm', (context) =>
  crashThrough(context, {
    prepare: startAll,
    operation: remove,
    crashes: 12,
  }));

const restart = () => everyName((name) => ask('POST', `/containers/${name}/restart?t=0`));

// A container whose end was recorded is started by the next daemon; one that was only asked to end has exited.
test('restart', (context) =>
  crashThrough(context, { prepare: startAll, operation: restart, crashes: 10, check: expectUsable }));

/** Each answers when its process runs; it ends a moment later, whatever becomes of the daemon. */
async function execEverywhere(): Promise<void> {
  await everyName(async (name, index) => {
    const isTerminal = index === 0;
    const body = { Cmd: ['sh', '-c', 'echo said; usleep 20000'], Tty: isTerminal };
    const path = `/containers/${name}/exec`;
    const exec = await requestJson<{ Id: string }>(engine.socket, 'POST', path, body);
    await ask('POST', `/exec/${exec.Id}/start`, { Detach: true, Tty: isTerminal });
  });
}

test('exec', (context) =>
  crashThrough(context, {
    prepare: startAll,
    operation: execEverywhere,
    crashes: 8,
    check: async () => {
      assert.ok((await engine.containers()).every(({ State }) => State === 'running'));
      await until(
        () => execDirectories().length === 0,
        () => `left of execs: ${execDirectories().join(' ')}`,
      );
    },
  }));

/** What the engine has on the host of processes in containers. */
function execDirectories(): readonly string[] {
  return readdirSync(join(engine.run, 'containers/execs'));
}

test('run --rm', async () => {
  await remove();
  for (let crash = 0; crash < 6; crash++) {
    const runs = everyName((name) => docker(engine, ['run', '--rm', '--name', name, 'bb', 'true']));
    // The moment of the crash is what differs.
    await sleep(15 + crash * 8);
    await engine.kill();
    await runs;
    await engine.start();
    let left: readonly ContainerRow[] = [];
    const areGone = async () => {
      left = (await engine.containers()).filter(({ State }) => State !== 'created');
      return left.length === 0;
    };
    await until(
      areGone,
      () => `those that ran are gone: ${JSON.stringify(left)}\n${engine.log().slice(-3000)}`,
    );
    await expectConsistency();
    await remove();
  }
});

const removeImage = async () => void (await ask('DELETE', '/images/loaded:latest?force=1'));

/** Images come whole or not at all; what a crash left of one takes no space. */
async function bringIn(context: TestContext, operation: () => Promise<unknown>, crashes: number) {
  await remove();
  await removeImage();
  const without = storedFiles();
  await operation();
  const complete = storedFiles();
  assert.ok(complete.length > without.length);
  await crashThrough(context, {
    prepare: removeImage,
    operation: async () => void (await operation()),
    crashes,
    check: async () => {
      const isThere = (await ask('GET', '/images/loaded:latest/json')).status === 200;
      await expectStored(isThere ? complete : without, (files) => files.length);
      if (isThere) assert.equal(await dockerOk(engine, ['run', '--rm', 'loaded', 'echo', 'whole']), 'whole');
    },
  });
  await removeImage();
  await expectStored(without, (files) => files);
}

/** The store deletes after it has answered. */
async function expectStored(
  files: readonly string[],
  aspect: (files: readonly string[]) => unknown,
): Promise<void> {
  await until(
    () => isDeepStrictEqual(aspect(storedFiles()), aspect(files)),
    () => `expected ${files.join(' ')}, stored ${storedFiles().join(' ')}`,
  );
}

test('load', (context) => {
  const some = tarOf(...manyFiles('some', 1500, 3000));
  const more = tarOf(...manyFiles('more', 1500, 5000));
  const input = dockerArchive({ reference: 'loaded:latest', layers: [busyboxRootTar(), some, more] });
  return bringIn(context, () => dockerOk(engine, ['load', '-q'], { input }), 14);
});

test('import', (context) => {
  const withoutEnd = busyboxRootTar().subarray(0, -END_OF_ARCHIVE.length);
  const input = Buffer.concat([withoutEnd, tarOf(...manyFiles('some', 1500, 3000))]);
  return bringIn(context, () => dockerOk(engine, ['import', '-', 'loaded'], { input }), 10);
});
