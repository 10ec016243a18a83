import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { Emulator } from '../support/emulator.ts';
import { BINFMT_MISC, readBinaryHandlers } from '../../src/linux/binfmt-misc.ts';

const module = join(import.meta.dirname, '../../src/linux/binfmt-misc.ts');

/** @param prefix of the command that reads */
function readUnmounted(...prefix: readonly string[]): unknown {
  const script = `import { readBinaryHandlers } from ${JSON.stringify(module)};
    console.log(JSON.stringify(readBinaryHandlers()?.map(({ name }) => name) ?? 'not to be seen'));`;
  const command = [...prefix, process.execPath, '--input-type=module', '-e', script];
  const unmount = 'umount "$0" 2>/dev/null; [ ! -e "$0/status" ] && exec "$@"';
  const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', unmount, BINFMT_MISC, ...command], {
    encoding: 'utf8',
  });
  return JSON.parse(stdout === '' ? JSON.stringify(stderr) : stdout);
}

test('what is registered, and how', () => {
  using emulator = new Emulator({ flags: 'OP', interpreter: '/usr/bin/one' });
  const find = () => readBinaryHandlers()?.find(({ name }) => name === emulator.name);
  const { matches, ...shown } = find() ?? assert.fail();
  assert.deepEqual(shown, { name: emulator.name, enabled: true, interpreter: '/usr/bin/one', held: false });
  emulator.disable();
  assert.equal(find()?.enabled, false);
  assert.equal(matches('/bin/sh', Buffer.from('#!/bin/sh')), false);
});

test('seen also where their file system is not mounted', () => {
  using emulator = new Emulator();
  const names = readUnmounted();
  assert.ok(Array.isArray(names) && names.includes(emulator.name), String(names));
  assert.equal(readUnmounted('unshare', '--user', '--map-root-user'), 'not to be seen');
});
