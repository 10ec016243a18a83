import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isErrno } from './errno.ts';
import { check } from './libc.ts';
import { SYSCALL_NUMBERS, syscall } from './syscalls.ts';

/** The first number that all architectures share (Linux 5.1). */
const FIRST_SHARED = 424;

/** The kernel's tables: arm64, and every architecture since, uses the generic one. */
const HEADERS = {
  x64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
  arm64: '/usr/include/asm-generic/unistd.h',
} as const;

test('only calls that have one number on all architectures are made by number', () => {
  for (const [name, number] of Object.entries(SYSCALL_NUMBERS)) assert.ok(number >= FIRST_SHARED, name);
});

for (const [architecture, header] of Object.entries(HEADERS)) {
  test(`numbers are those of the kernel’s headers for ${architecture}`, {
    skip: !existsSync(header) && 'linux-libc-dev is not installed',
  }, () => {
    const text = readFileSync(header, 'utf8');
    for (const [name, number] of Object.entries(SYSCALL_NUMBERS)) {
      const [, defined] = new RegExp(`^#define __NR_${name}\\s+(\\d+)`, 'm').exec(text) ?? [];
      assert.equal(Number(defined), number, name);
    }
  });
}

test('the kernel knows the calls by their numbers', () => {
  const descriptor = -1;
  // A struct mount_attr that changes something: changing nothing would succeed anywhere.
  const readOnly = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
  const attempts = {
    fsopen: () => syscall.fsopen('no such type', 0),
    fsconfig: () => syscall.fsconfig(descriptor, 0, null, null),
    fsmount: () => syscall.fsmount(descriptor, 0, 0),
    move_mount: () => syscall.moveMount({ fd: descriptor, path: 'x' }, { fd: descriptor, path: 'y' }, 0),
    open_tree: () => syscall.openTree(descriptor, 'x', 0),
    mount_setattr: () => syscall.mountSetattr(descriptor, 'x', 0, readOnly),
    openat2: () => syscall.openat2(descriptor, 'x', Buffer.alloc(24)),
    pidfd_open: () => syscall.pidfdOpen(-1, 0),
    pidfd_getfd: () => syscall.pidfdGetfd(descriptor, 0),
  } satisfies Record<keyof typeof SYSCALL_NUMBERS, () => number>;
  for (const [name, attempt] of Object.entries(attempts)) {
    assert.throws(
      () => check(name, name, attempt()),
      (error) => !isErrno(error, 'ENOSYS'),
      name,
    );
  }
});
