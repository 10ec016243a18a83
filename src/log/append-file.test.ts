import assert from 'node:assert/strict';
import { mkdtempDisposableSync, readdirSync, readFileSync, readlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '#base/testing.ts';
import { AppendFile } from './append-file.ts';

/** Whether this process has a descriptor of the file. */
function isOpen(path: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });
}

test('a file that nothing is appended to is closed, and opened again', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-append-');
  const path = join(directory.path, 'file');
  using file = new AppendFile(path, 1);
  for (const round of [1, 2]) {
    file.append(Buffer.from(`line ${round}\n`));
    assert.ok(isOpen(path));
    await until(() => !isOpen(path), 'it is closed');
  }
  truncateSync(path);
  file.append(Buffer.from('line'), Buffer.from(' 3\n'));
  assert.equal(readFileSync(path, 'utf8'), 'line 3\n');
  assert.equal(file.sizeBytes, 7);
  file[Symbol.dispose]();
  assert.ok(!isOpen(path));
});
