import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempDisposableSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { O_PATH } from './constants.ts';
import { ownFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import * as files from './files.ts';
import { mountTmpfs, unmount } from './mount.ts';

function scratch() {
  const directory = mkdtempDisposableSync('/tmp/caisson-files-');
  return {
    at: (name: string) => join(directory.path, name),
    path: directory.path,
    [Symbol.dispose]: () => directory.remove(),
  };
}

test('nodes: whiteouts, large device numbers, FIFOs', () => {
  using dir = scratch();
  files.makeNode(dir.at('whiteout'), constants.S_IFCHR, 0, 0);
  const whiteout = lstatSync(dir.at('whiteout'));
  assert.ok(whiteout.isCharacterDevice());
  assert.equal(whiteout.rdev, 0);
  files.makeNode(dir.at('block'), constants.S_IFBLK | 0o640, 259, 0x12345);
  const block = lstatSync(dir.at('block'));
  assert.ok(block.isBlockDevice());
  assert.equal(block.mode & 0o777, 0o640 & ~process.umask());
  assert.deepEqual(files.splitDeviceNumber(block.rdev), { major: 259, minor: 0x12345 });
  files.makeNode(dir.at('fifo'), constants.S_IFIFO | 0o600, 0, 0);
  assert.ok(lstatSync(dir.at('fifo')).isFIFO());
  assert.throws(
    () => files.makeNode(dir.at('fifo'), constants.S_IFIFO, 0, 0),
    (error) => isEngineError(error, 'conflict'),
  );
});

function times(path: string): readonly bigint[] {
  const { atimeNs, mtimeNs } = lstatSync(path, { bigint: true });
  return [atimeNs, mtimeNs];
}

test('times keep every nanosecond, before 1970 too, on links and through them', () => {
  using dir = scratch();
  writeFileSync(dir.at('f'), '');
  symlinkSync('f', dir.at('l'));
  files.setTimes(dir.at('f'), 1_700_000_000_123_456_789n, -1n);
  files.setTimes(dir.at('l'), 1n, 999_999_999n);
  assert.deepEqual(times(dir.at('f')), [1_700_000_000_123_456_789n, -1n]);
  assert.deepEqual(times(dir.at('l')), [1n, 999_999_999n]);
  files.setTimes(dir.at('l'), 5n, 6n, { followSymlinks: true });
  assert.deepEqual(times(dir.at('f')), [5n, 6n]);
  const fd = openSync(dir.at('f'), 'r+');
  files.setTimesOf(fd, -2n, 1_700_000_000_000_000_007n);
  closeSync(fd);
  assert.deepEqual(times(dir.at('f')), [-2n, 1_700_000_000_000_000_007n]);
});

test('opening inside a root never leaves it', () => {
  using dir = scratch();
  mkdirSync(dir.at('root/etc'), { recursive: true });
  writeFileSync(dir.at('root/etc/name'), 'inside');
  writeFileSync(dir.at('name'), 'outside');
  symlinkSync('/etc/name', dir.at('root/absolute'));
  symlinkSync('../../../../../etc/name', dir.at('root/dots'));
  symlinkSync('/proc/self/root/etc/passwd', dir.at('root/magic'));
  using root = ownFd(files.openDirectory(dir.at('root')));
  const read = (path: string) => {
    using opened = ownFd(files.openInRoot(root.fd, path, constants.O_RDONLY));
    return readFileSync(opened.fd, 'utf8');
  };
  for (const path of ['etc/name', '/etc/name', 'absolute', 'dots', '../../etc/name'])
    assert.equal(read(path), 'inside', path);
  assert.throws(
    () => read('../name'),
    (error) => isEngineError(error, 'not-found'),
  );
  assert.throws(
    () => read('magic'),
    (error) => isEngineError(error, 'not-found'),
  );
  using top = ownFd(files.openInRoot(root.fd, '', constants.O_RDONLY | constants.O_DIRECTORY));
  assert.equal(fstatSync(top.fd).ino, statSync(dir.at('root')).ino);
  const create = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  using made = ownFd(files.openInRoot(root.fd, '/etc/new', create, 0o640));
  assert.equal(fstatSync(made.fd).mode & 0o777, 0o640 & ~process.umask());
  const flags = /^flags:\t(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${made.fd}`, 'utf8'))?.[1] ?? '';
  assert.ok(Number.parseInt(flags, 8) & 0o2000000, 'close-on-exec');
});

test('magic links of a real proc are refused', () => {
  using root = ownFd(files.openDirectory('/'));
  assert.throws(
    () => files.openInRoot(root.fd, '/proc/self/root/etc/passwd', constants.O_RDONLY),
    (error) => isErrno(error, 'ELOOP'),
  );
});

test('what is on the mount of a directory is opened, what is on another is not', () => {
  using directory = scratch();
  mkdirSync(directory.at('inside'));
  symlinkSync('/inside', directory.at('link'));
  mkdirSync(directory.at('other'));
  mountTmpfs(directory.at('other'));
  try {
    using root = ownFd(files.openDirectory(directory.path));
    for (const path of ['/inside', 'link', '/link/..'])
      ownFd(files.openOnMount(root.fd, path, O_PATH))[Symbol.dispose]();
    for (const path of ['/other', '/other/x']) {
      assert.throws(
        () => files.openOnMount(root.fd, path, O_PATH),
        (error) => isErrno(error, 'EXDEV'),
        path,
      );
    }
  } finally {
    unmount(directory.at('other'));
  }
});

test('what is known to exist is on the file system of the root or in /dev', () => {
  for (const path of ['/etc/passwd', '/dev/null', '/']) assert.ok(files.isKnownToExist(path), path);
  for (const path of ['/etc/none', '/dev/none', '/dev', '/proc/self', '/sys/kernel', '/dev/pts/ptmx'])
    assert.ok(!files.isKnownToExist(path), path);
});

test('holes are found', () => {
  using dir = scratch();
  const fd = openSync(dir.at('f'), 'w+');
  const block = 64 << 10;
  ftruncateSync(fd, 3 * block);
  assert.equal(files.seekData(fd, 0), undefined);
  for (const at of [0, 2 * block]) writeSync(fd, Buffer.alloc(block, 1), 0, block, at);
  files.syncFilesystem(fd);
  assert.equal(files.seekHole(fd, 0), block);
  assert.equal(files.seekData(fd, block), 2 * block);
  assert.equal(files.seekHole(fd, 2 * block), 3 * block);
  assert.equal(files.seekData(fd, 3 * block), undefined);
  closeSync(fd);
});
