import assert from 'node:assert/strict';
import { mkdtempDisposableSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { isErrno } from './errno.ts';
import { getXattr, listXattrs, setXattr } from './xattrs.ts';

test('attributes of any size are set, listed and read', () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-xattr-');
  const path = join(directory.path, 'f');
  writeFileSync(path, '');
  assert.deepEqual(listXattrs(path), []);
  assert.equal(getXattr(path, 'user.a'), undefined);
  const large = Buffer.alloc(2000, 7);
  setXattr(path, 'user.a', 'one');
  setXattr(path, 'user.a', Buffer.from([0, 255]));
  setXattr(path, 'user.large', large);
  setXattr(path, 'trusted.empty', '');
  assert.deepEqual(listXattrs(path).toSorted(), ['trusted.empty', 'user.a', 'user.large']);
  assert.deepEqual(getXattr(path, 'user.a'), Buffer.from([0, 255]));
  assert.deepEqual(getXattr(path, 'user.large'), large);
  assert.deepEqual(getXattr(path, 'trusted.empty'), Buffer.alloc(0));
});

test('those of a name that is no text are read', () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-xattr-');
  const path = Buffer.concat([Buffer.from(`${directory.path}/`), Buffer.from([0xff])]);
  const text = join(directory.path, 'text');
  writeFileSync(text, '');
  setXattr(text, 'user.a', 'value');
  renameSync(text, path);
  assert.deepEqual(listXattrs(path), ['user.a']);
  assert.equal(String(getXattr(path, 'user.a')), 'value');
});

test('a symbolic link is not followed', () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-xattr-');
  const [file, link] = [join(directory.path, 'f'), join(directory.path, 'l')];
  writeFileSync(file, '');
  symlinkSync('f', link);
  setXattr(file, 'trusted.a', 'file');
  setXattr(link, 'trusted.a', 'link');
  assert.equal(String(getXattr(file, 'trusted.a')), 'file');
  assert.equal(String(getXattr(link, 'trusted.a')), 'link');
  assert.throws(
    () => setXattr(link, 'user.a', 'x'),
    (error) => isErrno(error, 'EPERM'),
  );
});

test('errors name attribute and path', () => {
  assert.throws(
    () => setXattr('/nowhere', 'user.a', 'x'),
    (error) =>
      isEngineError(error, 'not-found') &&
      error.message.startsWith('Cannot set attribute user.a of /nowhere: '),
  );
  assert.throws(
    () => getXattr('/nowhere', 'user.a'),
    (error) => isEngineError(error, 'not-found'),
  );
  assert.deepEqual(listXattrs('/proc/version'), []);
  assert.equal(getXattr('/proc/version', 'user.a'), undefined);
});
