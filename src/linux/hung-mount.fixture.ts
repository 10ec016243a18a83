/**
 * A file system that never answers: FUSE whose server is this process, which does not serve. Imported by tests, and run
 * as a program `hung-mount.fixture.ts TARGET [PID]`, with PID inside of the mount namespace of that process; it says
 * `mounted` and lasts until its standard input ends.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { argv } from 'node:process';
import { readFileSync } from 'node:fs';
import { check, libc } from './libc.ts';
import { mountFilesystem, unmount } from './mount.ts';
import { unshareFilesystemContext } from './namespaces.ts';

const CLONE_NEWNS = 0x20000;

/**
 * Mounts it. Whatever touches it waits until the result is disposed, and then gets ENOTCONN.
 *
 * @param options.answersInit greets the kernel first: a call that waits then cannot be killed either
 */
export function mountHung(target: string, options: { readonly answersInit?: boolean } = {}): Disposable {
  const fd = openSync('/dev/fuse', 'r+');
  mountFilesystem('fuse', target, { data: `fd=${fd},rootmode=40000,user_id=0,group_id=0` });
  if (options.answersInit) greet(fd);
  return {
    [Symbol.dispose]: () => {
      closeSync(fd);
      unmount(target, { lazy: true });
    },
  };
}

/** <linux/fuse.h>: struct fuse_in_header and fuse_init_in come, fuse_out_header and fuse_init_out (7.8) go. */
function greet(fd: number): void {
  const request = Buffer.alloc(1 << 17);
  readSync(fd, request);
  const answer = Buffer.alloc(16 + 24);
  answer.writeUInt32LE(answer.length, 0);
  request.copy(answer, 8, 8, 16);
  answer.writeUInt32LE(7, 16);
  answer.writeUInt32LE(8, 20);
  writeSync(fd, answer);
}

function enterMountNamespace(pid: string): void {
  const fd = openSync(`/proc/${pid}/ns/mnt`, 'r');
  const device = openSync('/dev/fuse', 'r+');
  closeSync(device);
  unshareFilesystemContext();
  check('setns', pid, libc.setns(fd, CLONE_NEWNS));
  closeSync(fd);
}

if (import.meta.main) {
  const [, , target = '', pid] = argv;
  if (pid !== undefined) enterMountNamespace(pid);
  using _hung = mountHung(target);
  writeSync(1, 'mounted\n');
  readFileSync(0);
}
