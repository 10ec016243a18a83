/** Two runtimes at one engine. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { Terminal } from '../support/terminal.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';
import { request } from '../support/http.ts';

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

/** Detaches as a person does. */
const DETACH = '\x10\x11';

const ok = (...args: readonly string[]) => dockerOk(crun, args);

test('--runtime is obeyed; containers go on, with their own, under a daemon with the other default', {
  skip: !areInstalled && 'crun and runc are not both installed',
}, async () => {
  assert.equal(await ok('info', '-f', '{{.DefaultRuntime}} {{len .Runtimes}}'), 'crun 2');
  await ok('run', '-d', '--name', 'default', 'bb', 'sleep', '1000');
  await ok('run', '-d', '--name', 'asked', '--runtime', 'runc', '-m', '64m', 'bb', 'sleep', '1000');
  const unknown = await docker(crun, ['run', '--runtime', 'other', 'bb', 'true']);
  assert.match(unknown.stderr, /unknown or invalid runtime name: other/);
  for (const daemon of [runc, crun]) {
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

test('a terminal with runc: its size, changes of it, input, detach, crash, exit code', {
  skip: !areInstalled && 'crun and runc are not both installed',
}, async () => {
  const open = (...args: readonly string[]) =>
    Terminal.open(['docker', '-H', crun.host, ...args], { rows: 33, columns: 91 });
  {
    using terminal = open('run', '-it', '--name', 'terminal', '--runtime', 'runc', 'bb', 'sh');
    await terminal.until(/# /);
    terminal.type('stty size; tty\n');
    await terminal.until(/33 91\r\n\/dev\/pts\/0\r\n/);
    terminal.type(DETACH);
    assert.equal(await terminal.exitCode(), 0);
  }
  await crun.crash();
  using terminal = open('attach', 'terminal');
  terminal.type('echo $((40 + 2))\n');
  await terminal.until(/42\r\n/);
  await request(crun.socket, 'POST', '/containers/terminal/resize?h=44&w=111');
  terminal.type('\nuntil stty size | grep 44; do :; done\n');
  await terminal.until(/44 111\r\n/);
  terminal.type('exit 7\n');
  assert.equal(await terminal.exitCode(), 7);
  assert.equal(await ok('inspect', '-f', '{{.State.ExitCode}}', 'terminal'), '7');
  assert.match(await ok('logs', 'terminal'), /42\r\n/);
});
