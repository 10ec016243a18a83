/** Every example of docs/library.md, as it stands there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import * as library from '#engine/index.ts';
import { BuildEngine } from '../support/build-engine.ts';

const subject = await BuildEngine.forTests();
await subject.importBusybox('debian:trixie');

/** The examples without their imports: what they import is in their scope. */
const examples = [
  ...readFileSync(join(import.meta.dirname, '../../docs/library.md'), 'utf8').matchAll(/```ts\n(.*?)```/gs),
].map(([, code = '']) => code.replaceAll(/^import \{ ([^}]*) \} from 'caisson[^']*';\n/gm, ''));

/** Runs the example that has this in it. @returns the values of some of its variables */
async function example(mark: string, ...names: readonly string[]): Promise<readonly unknown[]> {
  const found = examples.filter((code) => code.includes(mark));
  assert.equal(found.length, 1, mark);
  const code = stripTypeScriptTypes(`(async () => {${found[0]}\nreturn [${names.join(', ')}];})()`);
  const scope = { ...library, engine: subject.engine, AbortSignal, fetch };
  const result: Promise<readonly unknown[]> = runInNewContext(code, scope);
  return [...(await result)];
}

async function containersLeft(): Promise<number> {
  const all = await subject.engine.containers.list({ all: true, limit: 0, size: false, filters: new Map() });
  return all.length;
}

test('a container is run to its end', async () => {
  const values = await example('no bell', 'exitCode', 'stdout', 'stderr');
  assert.deepEqual(values, [3, 'hello world\n', 'no bell\n']);
  assert.equal(await containersLeft(), 0);
});

test('a server is waited for, and reached', async () => {
  const [host, text] = await example('serving $PORT', 'host', 'text');
  assert.deepEqual([host, text], ['127.0.0.1', 'welcome\n']);
});

test('processes are run in it, and it is stopped', async () => {
  const [files, missing, state, ended] = await example(
    'box.exec',
    'files',
    'missing',
    'state.status',
    'ended',
  );
  assert.match(String(files), /^\S+\n\S+\n$/);
  assert.deepEqual([missing, state, ended], [1, 'running', 137]);
});

test('volumes keep what is written, other mounts do not', async () => {
  assert.deepEqual(await example('engine.volumes.create', 'answer'), ['42\n']);
  await subject.engine.volumes.remove('numbers', { force: false });
});

test('output is read while it comes', async () => {
  const [lines] = await example('for await (const line of', 'lines');
  assert.equal(JSON.stringify(lines), JSON.stringify(['line 1', 'line 2', 'line 3']));
});

test('events are heard', async () => {
  const [seen] = await example('engine.events', 'seen');
  assert.equal(JSON.stringify(seen), JSON.stringify(['create', 'start', 'die']));
});

test('a spec says everything', async () => {
  assert.deepEqual(await example('newContainerSpec', 'code'), [0]);
  assert.equal(await containersLeft(), 0);
});

test('errors have a reason', async () => {
  assert.deepEqual(await example('isEngineError', 'reason'), ['no-such-volume']);
});

test('every example is run here, but for the two that only show a beginning', () => {
  const shown = examples.filter((code) => code.includes('Engine.start') || code.trim() === '');
  assert.equal(examples.length - shown.length, 8);
});
