import assert from 'node:assert/strict';
import { test } from 'node:test';
import { archiveName, type CopyEnd, planCopy, splitCopyOperand } from './copy-paths.ts';

const end = (path: string, exists: boolean, isDirectory: boolean): CopyEnd => ({ path, exists, isDirectory });
const FILE = end('/src/file', true, false);
const DIRECTORY = end('/src/dir', true, true);
const CONTENTS = end('/src/dir/.', true, true);

test('a copy lands where cp would put it', () => {
  assert.deepEqual(planCopy(FILE, end('/to', true, true)), { directory: '/to', name: 'file' });
  assert.deepEqual(planCopy(FILE, end('/to/new', false, false)), { directory: '/to', name: 'new' });
  assert.deepEqual(planCopy(FILE, end('/to/old', true, false)), { directory: '/to', name: 'old' });
  assert.deepEqual(planCopy(DIRECTORY, end('/to', true, true)), { directory: '/to', name: 'dir' });
  assert.deepEqual(planCopy(DIRECTORY, end('/to/new/', false, false)), { directory: '/to', name: 'new' });
  assert.deepEqual(planCopy(CONTENTS, end('/to', true, true)), { directory: '/to', name: '.' });
  assert.deepEqual(planCopy(CONTENTS, end('/to/new', false, false)), { directory: '/to', name: 'new' });
  assert.throws(() => planCopy(DIRECTORY, end('/to/file', true, false)), /cannot copy directory/);
  assert.throws(() => planCopy(FILE, end('/to/new/', false, false)), /no such directory/);
});

test('containers and local paths are told apart', () => {
  assert.deepEqual(splitCopyOperand('web:/etc/x:y'), { container: 'web', path: '/etc/x:y' });
  assert.deepEqual(splitCopyOperand('./web:x'), { path: './web:x' });
  assert.deepEqual(splitCopyOperand('/a:b'), { path: '/a:b' });
  assert.equal(archiveName('/a/b/.'), '.');
  assert.equal(archiveName('/a/b/'), 'b');
});
