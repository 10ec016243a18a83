import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { lstatSync } from 'node:fs';
import { codeOfErrno, isErrno, SystemError, systemErrorOf } from './errno.ts';
import { check, libc, systemError } from './libc.ts';

test('a failed call names its action, subject, state and errno', () => {
  assert.throws(
    () => check('umount2', '/nowhere/x', libc.umount2('/nowhere/x', 0)),
    (error) => {
      assert.ok(error instanceof SystemError);
      assert.equal(error.message, 'Cannot unmount /nowhere/x: no such file or directory (ENOENT)');
      assert.equal(error.errno, 'ENOENT');
      assert.equal(error.syscall, 'umount2');
      assert.equal(error.subject, '/nowhere/x');
      return isEngineError(error, 'not-found');
    },
  );
});

test("the kernel's further words follow", () => {
  const error = systemError(22, {
    syscall: 'netlink',
    action: 'create',
    subject: 'link a',
    detail: 'bad name',
  });
  assert.equal(error.message, 'Cannot create link a: invalid argument (EINVAL): bad name');
});

test('every errno has a code', () => {
  const expected = {
    ENOENT: 'not-found',
    EBUSY: 'conflict',
    EPERM: 'forbidden',
    EMFILE: 'exhausted',
    ELOOP: 'invalid',
  };
  for (const [errno, code] of Object.entries(expected)) assert.equal(codeOfErrno(errno), code);
  assert.equal(codeOfErrno('EXDEV'), 'internal');
  assert.equal(systemError(9999, { syscall: 'x', subject: 'y' }).errno, 'errno 9999');
});

test("isErrno knows our errors and Node's", () => {
  const ours = systemError(17, { syscall: 'mknod', subject: 'x' });
  assert.ok(isErrno(ours, 'ENOENT', 'EEXIST'));
  assert.ok(!isErrno(ours, 'ENOENT'));
  try {
    readFileSync('/nowhere');
    assert.fail();
  } catch (error) {
    assert.ok(isErrno(error, 'ENOENT'));
    assert.ok(!isErrno(error, 'EEXIST'));
  }
  assert.ok(!isErrno(undefined, 'ENOENT'));
});

test("errors of Node's own calls are said in the same words", () => {
  const path = `/${'a'.repeat(300)}`;
  try {
    lstatSync(path);
    assert.fail();
  } catch (error) {
    const failure = systemErrorOf(error);
    assert.equal(failure?.message, `Cannot inspect ${path}: name too long (ENAMETOOLONG)`);
    assert.equal(failure?.code, 'invalid');
  }
  assert.equal(systemErrorOf(new Error('another')), undefined);
});
