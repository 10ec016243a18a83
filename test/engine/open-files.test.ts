/** A daemon whose limit of open files is small. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { request } from '../support/http.ts';

let engine: TestDaemon;

/** Sets the limit for the tests of a suite. */
function withLimit(limit: string): void {
  before(async () => {
    engine = new TestDaemon({ launcher: ['prlimit', `--nofile=${limit}`] });
    await engine.start();
    await importBusybox(engine);
  });
  after(() => engine[Symbol.asyncDispose]());
}

const ok = (...args: readonly string[]) => dockerOk(engine, args);
const ask = (method: string, path: string, body?: object) => request(engine.socket, method, path, body);

const LIMITS = 'echo $(ulimit -Sn) $(ulimit -Hn)';

describe('a soft limit below the hard one', () => {
  withLimit('1024:4096');

  test('containers get the limits that the daemon was started with, or those that they ask for', async () => {
    assert.equal(await ok('run', '--rm', 'bb', 'sh', '-c', LIMITS), '1024 4096');
    await ok('run', '-d', '--name', 'asks', '--ulimit', 'nofile=100:200', 'bb', 'sleep', '1000');
    await ok('run', '-d', '--name', 'leaves', 'bb', 'sleep', '1000');
    assert.equal(await ok('exec', 'asks', 'sh', '-c', LIMITS), '100 200');
    assert.equal(await ok('exec', 'leaves', 'sh', '-c', LIMITS), '1024 4096');
    assert.equal(await ok('inspect', '-f', '{{json .HostConfig.Ulimits}}', 'leaves'), '[]');
  });

  test('the daemon takes the hard one, and says how many containers that does for', () => {
    const line = /level=warn msg="the hard limit of open files is small" limit=4096 containers=649/;
    assert.match(engine.log(), line);
  });
});

describe('a limit that is reached', () => {
  withLimit('250');

  test('starts are refused, everything else works, and after a crash, too', async () => {
    const started = await startUntilRefused();
    await remove(started.splice(0, 3));
    await engine.crash();
    const running = (await ok('ps', '--format', '{{.Names}}')).split('\n');
    assert.deepEqual(new Set(running), new Set(started));
    assert.equal(await ok('exec', started[0] ?? '', 'echo', 'here'), 'here');
    await remove(started);
    assert.equal(await ok('run', '--rm', 'bb', 'echo', 'again'), 'again');
  });
});

/** Starts containers until some could not be. */
async function startUntilRefused(): Promise<string[]> {
  const started: string[] = [];
  for (let index = 0, refused = 0; refused < 5; index++) {
    assert.ok(index < 250, 'more containers than descriptors');
    const name = `c${index}`;
    await ask('POST', `/containers/create?name=${name}`, { Image: 'bb', Cmd: ['sleep', '1000'] });
    const { status, body } = await ask('POST', `/containers/${name}/start`);
    if (status === 204) started.push(name);
    else assert.match(body, /too many open files/);
    refused += status === 204 ? 0 : 1;
  }
  return started;
}

/** One after another: each connection of a client takes a descriptor. */
async function remove(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { status, body } = await ask('DELETE', `/containers/${name}?force=1`);
    assert.equal(status, 204, body);
  }
}
