import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const PROGRAM = join(import.meta.dirname, 'many-descriptors.fixture.ts');

/** What select(2) does with a descriptor above 1023 ends the process: therefore one of its own. */
function useNftables(order: 'early' | 'late', prefix: readonly string[]) {
  const command = [...prefix, process.execPath, PROGRAM, order, '2000'];
  const { status, signal, stdout, stderr } = spawnSync('unshare', ['--net', ...command], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, signal, stdout, stderr };
}

const DONE = { status: 0, signal: null, stdout: 'done\n', stderr: '' };

test('nftables works with 2,000 descriptors open, while other threads open more', () => {
  assert.deepEqual(useNftables('early', []), DONE);
});

test('nftables works where no more descriptors may be opened', () => {
  assert.deepEqual(useNftables('early', ['prlimit', '--nofile=1600']), DONE);
  assert.deepEqual(useNftables('early', ['prlimit', '--nofile=500']), DONE);
});

test('where every low descriptor is in use already, nftables fails and the process goes on', () => {
  assert.deepEqual(useNftables('late', []), { ...DONE, stdout: 'exhausted\n' });
});
