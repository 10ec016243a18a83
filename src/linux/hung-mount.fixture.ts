/**
 * A file system that never answers: FUSE whose server is this process, which does not serve. Imported by tests, and run
 * as a program `hung-mount.fixture.ts TARGET [PID]`, with PID inside of the mount namespace of that process; it says
 * `mounted` and lasts until its standard input ends.
 */
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { argv } from 'node:process';
import { check, libc } from './libc.ts';
import { mountFilesystem, unmount } from './mount.ts';
import { unshareFilesystemContext } from './namespaces.ts';

const CLONE_NEWNS = 0x20000;

/**
 * Mounts it. Whatever touches it waits until the result is disposed, and then gets ENOTCONN.
 *
 * @param fd the device, opened where it is to be seen
 */
export function mountHung(target: string, fd: number = openDevice()): Disposable {
  mountFilesystem('fuse', target, { data: `fd=${fd},rootmode=40000,user_id=0,group_id=0` });
  return {
    [Symbol.dispose]: () => {
      closeSync(fd);
      unmount(target, { lazy: true });
    },
  };
}

function openDevice(): number {
  return openSync('/dev/fuse', 'r+');
}

function enterMountNamespace(pid: string): void {
  const fd = openSync(`/proc/${pid}/ns/mnt`, 'r');
  unshareFilesystemContext();
  check('setns', pid, libc.setns(fd, CLONE_NEWNS));
  closeSync(fd);
}

if (import.meta.main) {
  const [, , target = '', pid] = argv;
  const device = openDevice();
  if (pid !== undefined) enterMountNamespace(pid);
  using _hung = mountHung(target, device);
  writeSync(1, 'mounted\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
}
