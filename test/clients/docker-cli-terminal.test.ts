/** Debian's docker command line on a real terminal. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';
import { Terminal } from '../support/terminal.ts';

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

const ok = (...args: readonly string[]) => dockerOk(engine, args);
const open = (args: readonly string[], size?: { rows: number; columns: number }) =>
  Terminal.open(['docker', '-H', engine.host, ...args], size);

/** Detaches as a person does. */
const DETACH = '\x10\x11';

test('run -it: a terminal of the right size, its exit code', async () => {
  using terminal = open(['run', '-it', '--rm', 'bb', 'sh'], { rows: 33, columns: 91 });
  await terminal.until(/# /);
  terminal.type('stty size; tty\n');
  await terminal.until(/33 91\r\n\/dev\/pts\/0/);
  terminal.type('exit 7\n');
  assert.equal(await terminal.exitCode(), 7);
});

test('the terminal follows the window', async () => {
  using terminal = open(['run', '-it', '--rm', 'bb', 'sh'], { rows: 20, columns: 70 });
  await terminal.until(/# /);
  await terminal.untilSize(44, 111, () => {
    // The client listens for changes only once its first resize was answered, and a size that stays is no change.
    terminal.resize(44, 110);
    terminal.resize(44, 111);
  });
  terminal.type('exit\n');
  assert.equal(await terminal.exitCode(), 0);
});

test('detach, reattach, and the process has noticed nothing', async () => {
  const name = 'detached';
  {
    using terminal = open(['run', '-it', '--name', name, 'bb', 'sh']);
    await terminal.until(/# /);
    terminal.type('KEPT=yes\n');
    await terminal.until(/KEPT=yes\r\n[^#]*# /);
    terminal.type(DETACH);
    assert.equal(await terminal.exitCode(), 0);
  }
  assert.equal(await ok('inspect', '-f', '{{.State.Running}}', name), 'true');
  using terminal = open(['attach', name]);
  // What is typed before the client listens waits for it in the terminal.
  terminal.type('echo still $KEPT\n');
  await terminal.until(/still yes/);
  terminal.type('exit 4\n');
  assert.equal(await terminal.exitCode(), 4);
  await ok('rm', name);
});

test('detach keys of one’s own', async () => {
  using terminal = open(['run', '-it', '--name', 'keys', '--detach-keys', 'ctrl-x,x', 'bb', 'sh']);
  await terminal.until(/# /);
  terminal.type('\x18x');
  assert.equal(await terminal.exitCode(), 0);
  await ok('rm', '-f', 'keys');
});

test('exec -it has a terminal, its size and its exit code', async () => {
  await ok('run', '-d', '--name', 'target', 'bb', 'sleep', '1000');
  using terminal = open(['exec', '-it', 'target', 'sh'], { rows: 25, columns: 77 });
  await terminal.until(/# /);
  await terminal.untilSize(25, 77);
  terminal.type('exit 9\n');
  assert.equal(await terminal.exitCode(), 9);
  await ok('rm', '-f', 'target');
});

test('ctrl-c reaches the process', async () => {
  using terminal = open([
    'run',
    '-it',
    '--rm',
    'bb',
    'sh',
    '-c',
    'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.1; done',
  ]);
  await terminal.until(/ready/);
  terminal.type('\x03');
  await terminal.until(/caught/);
  assert.equal(await terminal.exitCode(), 3);
});

test('logs of a terminal are raw', async () => {
  using terminal = open(['run', '-t', '--name', 'raw', 'bb', 'sh', '-c', 'echo one; echo two >&2']);
  assert.equal(await terminal.exitCode(), 0);
  assert.equal((await ok('logs', 'raw')).replaceAll('\r', ''), 'one\ntwo');
  await ok('rm', 'raw');
});
