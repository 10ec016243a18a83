import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '#base/testing.ts';
import { isEngineError } from '#base/errors.ts';
import {
  decodeWaitStatus,
  executionOf,
  isAlive,
  parseStat,
  pidfdGetFd,
  pidfdOpen,
  processStartTime,
  sendSignal,
  signalIfAlive,
  watchExit,
} from './process.ts';
import { closeFd } from './descriptors.ts';
import { spawnProcess } from './spawn.ts';

const devNull = openSync('/dev/null', 'r+');

function shell(script: string, stdio = [devNull, devNull, 2]): number {
  return spawnProcess({ path: '/bin/sh', args: ['sh', '-c', script], stdio });
}

test('children: exit code, signal, and no zombie', async () => {
  using failed = watchExit(shell('exit 42'));
  assert.deepEqual(await failed.exited, { code: 42 });
  const pid = shell('exec sleep 60');
  using killed = watchExit(pid);
  sendSignal(pid, 9);
  assert.deepEqual(await killed.exited, { code: 137, signal: 9 });
  assert.equal(processStartTime(pid), undefined);
});

test('a child that has ended before the watch began is reaped with its status', async () => {
  const pid = shell('exit 3');
  await until(() => !isAlive(pid), 'it has ended');
  using watch = watchExit(pid);
  assert.deepEqual(await watch.exited, { code: 3 });
});

test("another process's child: its end is seen, its status is not", async () => {
  // The shell prints the pid of its own child and waits for it.
  using reader = pipeOfShell('sleep 0.05 & echo $!; wait');
  const grandchild = Number(reader.readLine());
  using watch = watchExit(grandchild);
  assert.equal(await watch.exited, undefined);
  assert.equal(isAlive(grandchild), false);
  using parent = watchExit(reader.pid);
  assert.deepEqual(await parent.exited, { code: 0 });
});

function pipeOfShell(script: string) {
  const path = `/tmp/caisson-process-${process.pid}-${Math.random()}`;
  const output = openSync(path, 'w+');
  const pid = shell(script, [devNull, output, 2]);
  return {
    pid,
    readLine(): string {
      const buffer = Buffer.alloc(64);
      for (;;) {
        const length = readSync(output, buffer, 0, 64, 0);
        if (length > 0 && buffer.includes('\n')) return buffer.toString('utf8', 0, length);
      }
    },
    [Symbol.dispose]: () => {
      closeSync(output);
      unlinkSync(path);
    },
  };
}

test('a process that does not exist resolves at once', async () => {
  using watch = watchExit(0x3ffffe);
  assert.equal(await watch.exited, undefined);
});

test('disposing ends the wait, twice is fine, and the child goes on', async () => {
  const pid = shell('exec sleep 60');
  const watch = watchExit(pid);
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  assert.equal(await watch.exited, undefined);
  assert.ok(isAlive(pid));
  using again = watchExit(pid);
  sendSignal(pid, 15);
  assert.deepEqual(await again.exited, { code: 143, signal: 15 });
});

function count() {
  return {
    threads: readdirSync('/proc/self/task').length,
    fds: readdirSync('/proc/self/fd').length,
  };
}

test('two hundred watches cost no thread and leave no descriptor', async () => {
  const before = count();
  const pids = Array.from({ length: 200 }, () => shell('exec sleep 60'));
  const watches = pids.map(watchExit);
  // A thread that a watch takes would be there by then.
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(count().threads, before.threads);
  for (const pid of pids) sendSignal(pid, 9);
  const statuses = await Promise.all(watches.map((watch) => watch.exited));
  assert.ok(statuses.every((status) => status?.signal === 9));
  assert.deepEqual(count(), before);
});

test('a disposed watch does not keep the process alive', () => {
  const module = JSON.stringify(join(import.meta.dirname, 'process.ts'));
  const script = `const { watchExit } = await import(${module}); watchExit(1)[Symbol.dispose](); console.log('end');`;
  const args = ['--input-type=module', '-e', script];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.deepEqual({ stdout, stderr, status }, { stdout: 'end\n', stderr: '', status: 0 });
});

test('a signal to no process is not-found', () => {
  assert.throws(
    () => sendSignal(0x3ffffe, 15),
    (error) =>
      isEngineError(error, 'not-found') &&
      error.message.startsWith('Cannot signal process 4194302 with SIGTERM: '),
  );
});

test('the start time tells a process from a later one of the same number', async () => {
  const pid = shell('exec sleep 60');
  const startTime = processStartTime(pid);
  assert.match(startTime ?? '', /^\d+$/);
  assert.ok(isAlive(pid));
  assert.ok(isAlive(pid, startTime));
  assert.ok(!isAlive(pid, '1'));
  using watch = watchExit(pid);
  signalIfAlive(pid, 9, '1');
  assert.ok(isAlive(pid, startTime));
  signalIfAlive(pid, 9, startTime);
  await watch.exited;
  assert.ok(!isAlive(pid, startTime));
  // A signal to what has just ended is no error.
  signalIfAlive(pid, 9, startTime);
  signalIfAlive(0x3ffffe, 9);
});

test('a command with blanks and parentheses does not confuse the fields', () => {
  const rest = Array.from({ length: 30 }, (_, index) => `f${index + 5}`).join(' ');
  assert.deepEqual(parseStat(`12 (a) (b c) S 7 ${rest.replace('f9', '64')}`), {
    name: 'a) (b c',
    state: 'S',
    parent: 7,
    flags: 64,
    startTime: 'f22',
  });
  assert.equal(parseStat(''), undefined);
});

test('a forked process is told from one that has executed its program', async () => {
  using reader = pipeOfShell('( sleep 60; : ) & echo $!; wait');
  const forked = Number(reader.readLine());
  assert.deepEqual(executionOf(reader.pid), { hasExecuted: true, name: 'sh' });
  assert.deepEqual(executionOf(forked), { hasExecuted: false, name: 'sh' });
  using watch = watchExit(reader.pid);
  sendSignal(-reader.pid, 9);
  await watch.exited;
  assert.equal(executionOf(reader.pid), undefined);
});

test('wait statuses', () => {
  assert.deepEqual(decodeWaitStatus(0x2a00), { code: 42 });
  assert.deepEqual(decodeWaitStatus(0x8b), { code: 139, signal: 11 });
});

test('a descriptor can be taken from another process', async () => {
  const path = `/tmp/caisson-getfd-${process.pid}`;
  const file = openSync(path, 'w+');
  unlinkSync(path);
  const pid = shell('exec sleep 60', [devNull, devNull, 2, file]);
  const pidfd = pidfdOpen(pid);
  const copy = pidfdGetFd(pidfd, 3);
  assert.equal(
    readFileSync(`/proc/self/fdinfo/${copy}`, 'utf8').match(/^flags:\t0*2/m)?.length,
    1,
    'close-on-exec',
  );
  writeSync(copy, 'shared');
  const buffer = Buffer.alloc(6);
  readSync(file, buffer, 0, 6, 0);
  assert.equal(buffer.toString(), 'shared');
  assert.throws(() => pidfdGetFd(pidfd, 77), { errno: 'EBADF' });
  for (const fd of [copy, pidfd, file]) closeFd(fd);
  using watch = watchExit(pid);
  sendSignal(pid, 9);
  await watch.exited;
});
