import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';

let engine: TestDaemon;

before(async () => {
  engine = new TestDaemon({ launcher: ['prlimit', '--nofile=1024:4096'] });
  await engine.start();
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

const ok = (...args: readonly string[]) => dockerOk(engine, args);

const LIMITS = 'echo $(ulimit -Sn) $(ulimit -Hn)';

test('containers get the limit of open files that the daemon was started with, or the one they ask for', async () => {
  assert.equal(await ok('run', '--rm', 'bb', 'sh', '-c', LIMITS), '1024 4096');
  await ok('run', '-d', '--name', 'asks', '--ulimit', 'nofile=100:200', 'bb', 'sleep', '1000');
  await ok('run', '-d', '--name', 'leaves', 'bb', 'sleep', '1000');
  assert.equal(await ok('exec', 'asks', 'sh', '-c', LIMITS), '100 200');
  assert.equal(await ok('exec', 'leaves', 'sh', '-c', LIMITS), '1024 4096');
  assert.equal(await ok('inspect', '-f', '{{json .HostConfig.Ulimits}}', 'leaves'), '[]');
});

test('a limit that does not do for a thousand containers is told at the start', () => {
  assert.match(
    engine.log(),
    /level=warn msg="the hard limit of open files is small" limit=4096 containers=649/,
  );
});
