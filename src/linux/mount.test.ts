import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError, messageOf } from '#base/errors.ts';
import { isErrno } from './errno.ts';
import { cloneMount, isMountPoint, mountErofs, mountTmpfs, unmount, unmountAll } from './mount.ts';
import { listMounts } from './mountinfo.ts';
import { mountOverlay } from './overlay-mount.ts';
import { mountClassically } from './overlay-mount.ts';
import { parseMountInfo } from './mountinfo.ts';

/** A directory whose mounts go with it. */
function scratch(...subdirectories: string[]) {
  const path = mkdtempSync('/tmp/caisson mount-');
  for (const name of subdirectories) mkdirSync(join(path, name), { recursive: true });
  return {
    path,
    at: (name: string) => join(path, name),
    [Symbol.dispose]: () => {
      const below = listMounts().filter(({ target }) => target.startsWith(`${path}/`));
      for (const { target } of below.toReversed()) unmount(target, { lazy: true });
      rmSync(path, { recursive: true });
    },
  };
}

test('tmpfs: size and mode; mount points are told apart; blanks in paths survive mountinfo', () => {
  using dir = scratch('t');
  assert.equal(isMountPoint(dir.at('t')), false);
  mountTmpfs(dir.at('t'), { sizeBytes: 1 << 20, mode: 0o750 });
  assert.equal(isMountPoint(dir.at('t')), true);
  assert.equal(statSync(dir.at('t')).mode & 0o7777, 0o750);
  const { bsize, blocks } = statfsSync(dir.at('t'));
  assert.equal(bsize * blocks, 1 << 20);
  const mount = listMounts().find(({ target }) => target === dir.at('t'));
  assert.equal(mount?.fsType, 'tmpfs');
  assert.equal(mount?.root, '/');
  unmount(dir.at('t'));
  assert.equal(isMountPoint(dir.at('t')), false);
  assert.equal(isMountPoint(dir.at('missing')), false);
});

test('overlay: topmost lower first, writes go to the upper', () => {
  using dir = scratch('a', 'b', 'upper', 'work', 'm');
  writeFileSync(dir.at('a/f'), 'a');
  writeFileSync(dir.at('b/f'), 'b');
  writeFileSync(dir.at('b/g'), 'g');
  mountOverlay({
    target: dir.at('m'),
    lowers: [dir.at('a'), dir.at('b')],
    upper: dir.at('upper'),
    work: dir.at('work'),
    volatile: true,
    options: { metacopy: 'off' },
  });
  assert.equal(readFileSync(dir.at('m/f'), 'utf8'), 'a');
  assert.equal(readFileSync(dir.at('m/g'), 'utf8'), 'g');
  writeFileSync(dir.at('m/h'), 'h');
  assert.equal(readFileSync(dir.at('upper/h'), 'utf8'), 'h');
  const options = listMounts().find(({ target }) => target === dir.at('m'))?.superOptions ?? '';
  assert.match(options, /volatile/);
  unmount(dir.at('m'));
});

test('overlay of 300 lowers with long paths, read-only', () => {
  const deep = `${'long'.repeat(60)}/${'path'.repeat(60)}`;
  using dir = scratch('m');
  const lowers = Array.from({ length: 300 }, (_, index) => dir.at(`${deep}/${index}`));
  for (const [index, lower] of lowers.entries()) {
    mkdirSync(lower, { recursive: true });
    writeFileSync(join(lower, `file${index}`), '');
  }
  const fds = readdirSync('/proc/self/fd').length;
  mountOverlay({ target: dir.at('m'), lowers });
  assert.equal(readdirSync('/proc/self/fd').length, fds);
  assert.equal(readdirSync(dir.at('m')).length, 300);
  assert.throws(() => writeFileSync(dir.at('m/x'), ''), { code: 'EROFS' });
  unmount(dir.at('m'));
});

test('overlay as older kernels mount it: colons and commas in paths, 128 lowers', () => {
  using dir = scratch('up,per', 'work', 'm');
  const lowers = Array.from({ length: 128 }, (_, index) => dir.at(`lower:${index}`));
  for (const [index, lower] of lowers.entries()) {
    mkdirSync(lower);
    writeFileSync(join(lower, `file${index}`), '');
  }
  mountClassically({
    target: dir.at('m'),
    lowers,
    upper: dir.at('up,per'),
    work: dir.at('work'),
    volatile: true,
  });
  assert.equal(readdirSync(dir.at('m')).length, 128);
  writeFileSync(dir.at('m/x'), 'x');
  assert.equal(readFileSync(dir.at('up,per/x'), 'utf8'), 'x');
  unmount(dir.at('m'));
});

test("an overlay's error carries the kernel's own words", () => {
  using dir = scratch('a', 'upper', 'm');
  assert.throws(
    () => mountOverlay({ target: dir.at('m'), lowers: [dir.at('a')], options: { nonsense: '1' } }),
    (error) => isErrno(error, 'EINVAL') && /^Cannot mount .*\(EINVAL\): .*nonsense/.test(messageOf(error)),
  );
  assert.throws(
    () => mountOverlay({ target: dir.at('m'), lowers: [dir.at('missing')] }),
    (error) => isEngineError(error, 'not-found'),
  );
  assert.equal(isMountPoint(dir.at('m')), false);
});

test('EROFS: an index over a tar, from its files', () => {
  using dir = scratch('tree', 'm');
  writeFileSync(dir.at('tree/hello'), 'hello from the tar');
  execFileSync('tar', ['-C', dir.at('tree'), '-cf', dir.at('layer.tar'), '.']);
  execFileSync('mkfs.erofs', ['--quiet', '--tar=i', dir.at('layer.idx'), dir.at('layer.tar')], {
    stdio: 'ignore',
  });
  mountErofs({ target: dir.at('m'), index: dir.at('layer.idx'), device: dir.at('layer.tar') });
  assert.equal(readFileSync(dir.at('m/hello'), 'utf8'), 'hello from the tar');
  unmount(dir.at('m'));
});

test('EROFS on tmpfs says ENOTBLK', () => {
  using dir = scratch('t', 'm');
  mountTmpfs(dir.at('t'));
  writeFileSync(dir.at('tree.tar'), Buffer.alloc(10240));
  execFileSync('mkfs.erofs', ['--quiet', '--tar=i', dir.at('t/idx'), dir.at('tree.tar')], {
    stdio: 'ignore',
  });
  assert.throws(
    () => mountErofs({ target: dir.at('m'), index: dir.at('t/idx') }),
    (error) => isErrno(error, 'ENOTBLK'),
  );
});

test('a read-only clone of a directory or a file', () => {
  using dir = scratch('s/sub');
  mountTmpfs(dir.at('s/sub'));
  writeFileSync(dir.at('s/f'), 'f');
  writeFileSync(dir.at('s/sub/g'), 'g');
  using clone = cloneMount(dir.at('s'), { readonly: true });
  const at = `/proc/self/fd/${clone.fd}`;
  assert.deepEqual(readdirSync(`${at}/sub`), []);
  assert.throws(() => writeFileSync(`${at}/f`, ''), { code: 'EROFS' });
  using file = cloneMount(dir.at('s/f'), { readonly: true });
  assert.equal(readFileSync(`/proc/self/fd/${file.fd}`, 'utf8'), 'f');
  assert.throws(
    () => cloneMount(dir.at('missing'), { readonly: true }),
    (error) => isEngineError(error, 'not-found'),
  );
});

test('unmount: busy, lazy, stacked, not mounted; links are not followed', () => {
  using dir = scratch('t');
  mountTmpfs(dir.at('t'));
  const busy = openSync(dir.at('t'), 'r');
  assert.throws(
    () => unmount(dir.at('t')),
    (error) => isEngineError(error, 'conflict'),
  );
  closeSync(busy);
  symlinkSync(dir.at('t'), dir.at('link'));
  assert.throws(
    () => unmount(dir.at('link')),
    (error) => isErrno(error, 'EINVAL'),
  );
  mountTmpfs(dir.at('t'));
  unmountAll(dir.at('t'));
  assert.equal(isMountPoint(dir.at('t')), false);
  unmountAll(dir.at('t'));
  assert.throws(
    () => unmount(dir.at('t')),
    (error) => isEngineError(error, 'invalid'),
  );
});

test('a host of many mounts, one of them with many layers, is listed whole', () => {
  using dir = scratch();
  const program = join(import.meta.dirname, 'many-mounts.fixture.ts');
  const args = ['--mount', '--propagation', 'private', process.execPath, program, dir.path];
  const { status, signal, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
});

test('mountinfo: optional fields and escapes', () => {
  const text = [
    '36 35 98:0 /mnt1 /mnt\\0402\\134x rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue',
    '40 36 0:5 / /b rw - tmpfs tmpfs rw',
    '',
  ].join('\n');
  const [first, second] = parseMountInfo(text);
  assert.deepEqual(first, {
    id: 36,
    parentId: 35,
    root: '/mnt1',
    target: '/mnt 2\\x',
    fsType: 'ext3',
    source: '/dev/root',
    options: 'rw,noatime',
    propagation: ['master:1', 'shared:2'],
    superOptions: 'rw,errors=continue',
  });
  assert.deepEqual(second?.propagation, []);
});
