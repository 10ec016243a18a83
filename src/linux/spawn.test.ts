import assert from 'node:assert/strict';
import { closeSync, mkdtempDisposableSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { setBlocking } from './descriptors.ts';
import { libc } from './libc.ts';
import { watchExit } from './process.ts';
import { spawnProcess } from './spawn.ts';

/** Runs a shell and returns what it wrote to the file that is its standard output. */
async function runShell(script: string, options: { readonly cwd?: string; readonly env?: string[] } = {}) {
  using directory = mkdtempDisposableSync('/tmp/caisson-spawn-');
  const path = join(directory.path, 'out');
  const input = openSync('/dev/null', 'r');
  const output = openSync(path, 'w');
  const args = ['sh', '-c', script, 'zero', 'one'];
  const pid = spawnProcess({ path: '/bin/sh', args, stdio: [input, output, output], ...options });
  closeSync(input);
  closeSync(output);
  using watch = watchExit(pid);
  const status = await watch.exited;
  return { pid, status, output: readFileSync(path, 'utf8') };
}

test('arguments, environment and working directory arrive', async () => {
  const script = 'echo "$0 $1 $A"; pwd; exit 7';
  const { status, output } = await runShell(script, { cwd: '/proc', env: ['A=a b'] });
  assert.equal(output, 'zero one a b\n/proc\n');
  assert.deepEqual(status, { code: 7 });
});

test('the child has a session of its own, an empty signal mask and default handlers', async () => {
  const { pid, output } = await runShell('cat /proc/self/status; cut -d" " -f6 /proc/self/stat');
  assert.match(output, /^SigBlk:\t0+$/m);
  assert.match(output, /^SigIgn:\t0+$/m);
  assert.equal(Number(output.trim().split('\n').at(-1)), pid);
});

test('the child gets no other descriptors, close-on-exec or not', async () => {
  const leaky = libc.socket(1, 1, 0);
  try {
    const { output } = await runShell('ls /proc/$$/fd');
    const unexpected = output
      .trim()
      .split('\n')
      .filter((fd) => Number(fd) > 2 && Number(fd) !== 10);
    assert.deepEqual(unexpected, []);
  } finally {
    libc.close(leaky);
  }
});

test('descriptors in any order reach their places', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-spawn-');
  const names = ['a', 'b', 'c', 'd'];
  const fds = names.map((name) => openSync(join(directory.path, name), 'w+'));
  const [a = 0, b = 0, c = 0, d = 0] = fds;
  // Sources both below and above their targets, and one twice.
  const stdio = Array.from({ length: d + 1 }, () => a);
  [stdio[0], stdio[1], stdio[2], stdio[a], stdio[b], stdio[c], stdio[d]] = [b, a, d, d, a, b, c];
  const script = `echo one >&1; echo two >&2; echo a >&${a}; echo b >&${b}; echo c >&${c}; echo d >&${d}`;
  const pid = spawnProcess({ path: '/bin/bash', args: ['bash', '-c', script], stdio });
  using watch = watchExit(pid);
  assert.deepEqual(await watch.exited, { code: 0 });
  for (const fd of fds) closeSync(fd);
  const contents = names.map((name) => readFileSync(join(directory.path, name), 'utf8'));
  assert.deepEqual(contents, ['one\nb\n', 'c\n', 'd\n', 'two\na\n']);
});

test('a program that cannot start is an error, and there is no process', () => {
  const stdio = [0, 1, 2];
  assert.throws(
    () => spawnProcess({ path: '/nowhere', args: ['x'], stdio }),
    (error) => isEngineError(error, 'not-found') && error.message.startsWith('Cannot start /nowhere: '),
  );
  assert.throws(
    () => spawnProcess({ path: '/etc/passwd', args: ['x'], stdio }),
    (error) => isEngineError(error, 'forbidden'),
  );
});

test('it leaves no descriptors in this process', async () => {
  await runShell('true');
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 5; i++) await runShell('true');
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('setBlocking switches O_NONBLOCK', () => {
  const fd = openSync('/dev/null', 'r');
  setBlocking(fd, false);
  assert.equal(libc.fcntl(fd, 3, 0) & 0o4000, 0o4000);
  setBlocking(fd, true);
  assert.equal(libc.fcntl(fd, 3, 0) & 0o4000, 0);
  closeSync(fd);
});
