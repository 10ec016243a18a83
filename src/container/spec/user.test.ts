import assert from 'node:assert/strict';
import { constants, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFifo } from '#linux/fifo.ts';
import { makeNode } from '#linux/files.ts';
import type { ContainerErrorReason } from '../container-errors.ts';
import { promptly } from '../files/root-access.ts';
import { resolveUser } from './user.ts';

function makeRoot(t: { after(work: () => void): void }): string {
  const root = mkdtempSync('/tmp/caisson-user-');
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'etc'));
  return root;
}

function withDatabases(t: { after(work: () => void): void }): string {
  const root = makeRoot(t);
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nbroken\n7up:x:7:7::/seven:\nbob:x:1000:1001::/home/bob:/bin/sh\n',
  );
  writeFileSync(join(root, 'etc/group'), '# groups\nroot:x:0:\nbob:x:1001:\nwheel:x:10:bob,root\n');
  return root;
}

test('names, numbers and groups as Docker resolves them', (t) => {
  const root = withDatabases(t);
  const cases: readonly (readonly [
    user: string,
    uid: number,
    gid: number,
    groups: number[],
    home: string,
  ])[] = [
    ['', 0, 0, [0, 10], '/root'],
    ['root', 0, 0, [0, 10], '/root'],
    ['1000', 1000, 1001, [1001, 10], '/home/bob'],
    ['bob', 1000, 1001, [1001, 10], '/home/bob'],
    ['bob:0', 1000, 0, [0], '/home/bob'],
    ['1000:wheel', 1000, 10, [10], '/home/bob'],
    ['2000', 2000, 0, [0], '/'],
    ['2000:3000', 2000, 3000, [3000], '/'],
    [':5', 0, 5, [5], '/root'],
    ['7up', 7, 7, [7], '/seven'],
  ];
  for (const [user, uid, gid, additionalGids, home] of cases) {
    assert.deepEqual(
      resolveUser({ rootPath: root, user }, promptly),
      { uid, gid, additionalGids, home },
      user,
    );
  }
  assert.deepEqual(
    resolveUser({ rootPath: root, user: 'bob:wheel', groupAdd: ['55', 'bob'] }, promptly).additionalGids,
    [10, 55, 1001],
  );
});

test('what is not there is refused', (t) => {
  const root = withDatabases(t);
  const refuse = (user: string, reason: ContainerErrorReason, groups: string[] = []) =>
    assert.throws(() => resolveUser({ rootPath: root, user, groupAdd: groups }, promptly), {
      code: 'invalid',
      reason,
    });
  refuse('nope', 'no-such-user');
  refuse('0:nope', 'no-such-group');
  refuse('', 'no-such-added-group', ['nope']);
  refuse('-5', 'id-out-of-range');
  refuse('4294967296', 'id-out-of-range');
});

test('numbers need no files, and nothing is read outside of the root', (t) => {
  const root = makeRoot(t);
  assert.deepEqual(resolveUser({ rootPath: root, user: '5' }, promptly), {
    uid: 5,
    gid: 0,
    additionalGids: [0],
    home: '/',
  });
  symlinkSync('/etc/../../../etc/passwd', join(root, 'etc/passwd'));
  assert.throws(() => resolveUser({ rootPath: root, user: 'daemon' }, promptly), { code: 'invalid' });
  rmSync(join(root, 'etc'), { recursive: true });
  symlinkSync('/etc', join(root, 'etc'));
  assert.throws(() => resolveUser({ rootPath: root, user: 'daemon' }, promptly), { code: 'invalid' });
});

test('a FIFO, a directory or a device in place of a database is as good as none', (t) => {
  const root = makeRoot(t);
  makeFifo(join(root, 'etc/passwd'));
  mkdirSync(join(root, 'etc/group'));
  assert.equal(resolveUser({ rootPath: root, user: '' }, promptly).uid, 0);
  rmSync(join(root, 'etc/passwd'));
  makeNode(join(root, 'etc/passwd'), constants.S_IFCHR | 0o600, 1, 5);
  assert.equal(resolveUser({ rootPath: root, user: '' }, promptly).uid, 0);
});
