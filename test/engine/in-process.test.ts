/** The engine as a library: in this process, without HTTP. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { Engine, isEngineError, newContainerSpec } from '../../src/engine/index.ts';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { lastingLeftovers, removeLeftovers } from '../support/leftovers.ts';
import { until } from '#base/testing.ts';

const directory = mkdtempSync('/tmp/caisson-test-');
const traces = {
  directory,
  root: join(directory, 'root'),
  run: join(directory, 'run'),
  bridge: `cst${directory.slice(-6)}`,
};
const options = { root: traces.root, run: traces.run, bridge: traces.bridge, networkPoolSize: 1 };

after(() => {
  removeLeftovers(traces);
  rmSync(directory, { recursive: true, force: true });
});

const openFiles = () => readdirSync('/proc/self/fd').length;
const filters = new Map<string, readonly string[]>();
const everything = { stdout: true, stderr: true, follow: false, perLine: true };

async function createAndRun(engine: Engine, name: string): Promise<string> {
  const command = ['sh', '-c', 'echo out; echo err >&2; exit 3'];
  const { id } = await engine.containers.create({
    spec: newContainerSpec('bb', { process: { command } }),
    name,
  });
  const { exit } = await engine.containers.wait(id, 'next-exit');
  await engine.containers.start(id);
  assert.equal((await exit).exitCode, 3);
  return id;
}

async function linesOf(engine: Engine, reference: string): Promise<readonly string[]> {
  const { records } = await engine.containers.logs(reference, everything);
  const lines: string[] = [];
  for await (const { stream, data } of records) lines.push(`${stream} ${data.toString().trimEnd()}`);
  return lines.toSorted();
}

test('a whole life, with events, and nothing left of it', async () => {
  {
    await using engine = await Engine.start(options);
    const stopped = new AbortController();
    const events = engine.events({ filters, signal: stopped.signal });
    await engine.images.import({ archive: Readable.from([busyboxRootTar()]), reference: 'bb:latest' });
    const id = await createAndRun(engine, 'first');
    assert.deepEqual(await linesOf(engine, 'first'), ['stderr err', 'stdout out']);
    assert.equal((await engine.containers.inspect('first', { size: false })).id, id);
    await engine.containers.remove('first', { force: false, volumes: true, link: false });
    assert.deepEqual(await engine.containers.list({ all: true, limit: 0, size: false, filters }), []);
    await assert.rejects(engine.containers.inspect('first', { size: false }), (error) =>
      isEngineError(error, 'not-found'),
    );
    const actions: string[] = [];
    for await (const { type, action } of events) {
      if (type === 'container') actions.push(action);
      if (action === 'destroy') break;
    }
    assert.deepEqual(actions, ['create', 'start', 'die', 'destroy']);
  }
  assert.deepEqual(await lastingLeftovers(traces), []);
});

test('a second engine on the same root has the images and containers of the first', async () => {
  const before = openFiles();
  {
    await using engine = await Engine.start(options);
    await createAndRun(engine, 'kept');
  }
  {
    await using engine = await Engine.start(options);
    const [row] = await engine.containers.list({ all: true, limit: 0, size: false, filters });
    assert.deepEqual([row?.name, row?.state.status], ['kept', 'exited']);
    assert.deepEqual(await linesOf(engine, 'kept'), ['stderr err', 'stdout out']);
    await engine.containers.remove('kept', { force: false, volumes: true, link: false });
  }
  assert.deepEqual(await lastingLeftovers(traces), []);
  await until(
    () => openFiles() <= before + 2,
    () => `descriptors: ${before} before, ${openFiles()} after`,
  );
});

test('one engine a root', async () => {
  await using _first = await Engine.start(options);
  await assert.rejects(Engine.start(options), (error) => isEngineError(error, 'conflict'));
});

test('what cannot be started leaves nothing', async () => {
  const before = openFiles();
  await assert.rejects(Engine.start({ ...options, bip: 'nonsense' }), (error) =>
    isEngineError(error, 'invalid'),
  );
  await using _engine = await Engine.start(options);
  assert.ok(openFiles() < before + 40);
});

test('after destroy, bridge and firewall table are gone too', async () => {
  await using engine = await Engine.start(options);
  await engine.networks.destroy();
  assert.deepEqual(await lastingLeftovers(traces), []);
  assert.ok(!readdirSync('/sys/class/net').includes(traces.bridge));
});
