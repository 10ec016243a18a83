import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { untilDrained } from './drain.ts';

test('what an ended process has said is read, also when nothing could be read for long', async () => {
  const child = spawn('echo', ['last words'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.on('data', (data) => (said += String(data)));
  const waiting = untilDrained(once(child.stdout, 'close').then(() => undefined));
  // As on a machine that lets this process wait.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
  await waiting;
  assert.equal(said, 'last words\n');
});

test('a pipe that another process holds open is not waited for', async () => {
  await untilDrained(Promise.withResolvers<void>().promise);
});
