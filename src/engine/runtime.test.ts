import assert from 'node:assert/strict';
import { chmodSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findOtherRuntime, findRuntime } from './runtime.ts';

/** A directory with programs of these names. */
function directoryWith(...names: readonly string[]) {
  const directory = mkdtempDisposableSync('/tmp/caisson-runtime-');
  for (const name of names) {
    const path = join(directory.path, name);
    writeFileSync(path, `#!/bin/sh\necho ${name} version 1.2.3\n`);
    chmodSync(path, 0o755);
  }
  return directory;
}

const named = async (...args: Parameters<typeof findRuntime>) => (await findRuntime(...args)).name;

test('crun where it is installed and can run, else runc', async () => {
  using both = directoryWith('crun', 'runc');
  using one = directoryWith('runc');
  assert.equal(await named('auto', 'crun', [both.path]), 'crun');
  assert.equal(await named('auto', 'runc', [both.path]), 'runc');
  assert.equal(await named('auto', 'crun', [one.path]), 'runc');
  assert.equal(await named('runc', 'crun', [both.path]), 'runc');
  assert.equal((await findRuntime('auto', 'crun', [both.path])).version, '1.2.3');
});

const nameOf = (...args: Parameters<typeof findOtherRuntime>) => findOtherRuntime(...args)?.name;

test('the other one, where it could run as well', () => {
  using both = directoryWith('crun', 'runc');
  using one = directoryWith('crun');
  assert.equal(nameOf('crun', 'crun', [both.path]), 'runc');
  assert.equal(nameOf('runc', 'crun', [both.path]), 'crun');
  assert.equal(nameOf('runc', 'runc', [both.path]), undefined);
  assert.equal(nameOf('crun', 'crun', [one.path]), undefined);
});

test('what was asked for is never replaced', async () => {
  using one = directoryWith('runc');
  using none = directoryWith();
  await assert.rejects(findRuntime('crun', 'crun', [one.path]), {
    code: 'unavailable',
    reason: 'runtime-not-installed',
    subject: 'crun',
  });
  await assert.rejects(findRuntime('auto', 'crun', [none.path]), { message: /crun is not installed/ });
});
