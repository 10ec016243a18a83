/** Two runtimes at one engine. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';

const areInstalled = existsSync('/usr/bin/crun') && existsSync('/usr/sbin/runc');

let crun: TestDaemon;
let runc: TestDaemon;

before(async () => {
  // The same directories: one daemon after the other.
  crun = new TestDaemon({ flags: ['--default-runtime', 'crun'] });
  runc = new TestDaemon({ flags: ['--default-runtime', 'runc'], directory: crun.directory });
  await crun.start();
  await importBusybox(crun);
});

after(async () => {
  await runc.stop();
  await crun[Symbol.asyncDispose]();
});

const ok = (...args: readonly string[]) => dockerOk(crun, args);

test('--runtime is obeyed; containers go on, with their own, under a daemon with the other default', {
  skip: !areInstalled && 'crun and runc are not both installed',
}, async () => {
  assert.equal(await ok('info', '-f', '{{.DefaultRuntime}} {{len .Runtimes}}'), 'crun 2');
  await ok('run', '-d', '--name', 'default', 'bb', 'sleep', '1000');
  await ok('run', '-d', '--name', 'asked', '--runtime', 'runc', '-m', '64m', 'bb', 'sleep', '1000');
  const unknown = await docker(crun, ['run', '--runtime', 'other', 'bb', 'true']);
  assert.match(unknown.stderr, /unknown or invalid runtime name: other/);
  for (const daemon of [crun, runc, crun]) {
    await Promise.all([crun.stop(), runc.stop()]);
    await daemon.start();
    for (const name of ['default', 'asked']) {
      assert.equal(await ok('exec', name, 'echo', 'here'), 'here');
      assert.match(await ok('exec', '-t', name, 'tty'), /^\/dev\/pts\/0/);
      await ok('update', '-m', '96m', '--memory-swap', '96m', name);
    }
  }
  assert.equal(await ok('inspect', '-f', '{{.HostConfig.Runtime}}', 'default', 'asked'), 'crun\nrunc');
  await ok('restart', '-t', '0', 'default', 'asked');
  assert.equal(await ok('exec', 'asked', 'echo', 'again'), 'again');
});
