import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempDisposableSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { ConsoleSocket } from './console-socket.ts';

// That a descriptor arrives is tested with real runtimes, in runtime.test.ts.

test('waiting can be aborted, and the socket still listens', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-console-');
  const path = join(directory.path, 'c.sock');
  const fds = readdirSync('/proc/self/fd').length;
  {
    await using socket = await ConsoleSocket.listen(path);
    const controller = new AbortController();
    const received = socket.receive(controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(received, /enough/);
    await assert.rejects(socket.receive(AbortSignal.abort(new Error('before'))), /before/);
    assert.ok(existsSync(path));
    await assert.rejects(ConsoleSocket.listen(path), (error) => isEngineError(error, 'conflict'));
  }
  assert.ok(!existsSync(path));
  assert.equal(readdirSync('/proc/self/fd').length, fds);
});

test('a caller that leaves without a descriptor is passed over', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-console-');
  const path = join(directory.path, 'c.sock');
  await using socket = await ConsoleSocket.listen(path);
  const controller = new AbortController();
  const received = socket.receive(controller.signal);
  await new Promise<void>((resolve) => {
    const caller = connect(path, () => caller.end('hello')).on('close', () => resolve());
  });
  controller.abort(new Error('still waiting'));
  await assert.rejects(received, /still waiting/);
});

test('the path may be longer than sockets allow', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-console-');
  const deep = join(directory.path, 'd'.repeat(100), 'e'.repeat(100));
  mkdirSync(deep, { recursive: true });
  const path = join(deep, 'c.sock');
  await using _socket = await ConsoleSocket.listen(path);
  assert.ok(existsSync(path));
});
