/**
 * A file system that never answers: FUSE whose server is this process, which does not serve. Imported by tests, and run
 * as a program; it says `mounted` and lasts until its standard input ends:
 *
 *     hung-mount.fixture.ts [--in PID] [--takes-requests] TARGET
 *
 * With --in it is mounted inside of the mount namespace of that process. With --takes-requests it takes requests and
 * never answers, so that waiting for it cannot even be ended by a kill, as with a network file system that is mounted
 * hard.
 */
import { once } from 'node:events';
import { closeSync, openSync, read, readSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ownFd } from './descriptors.ts';
import { mountFilesystem, unmount } from './mount.ts';
import { enterMountNamespace, unshareFilesystemContext } from './namespaces.ts';

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

function enterMountsOf(pid: string): void {
  using namespace = ownFd(openSync(`/proc/${pid}/ns/mnt`, 'r'));
  unshareFilesystemContext();
  enterMountNamespace(namespace.fd);
}

/** <linux/fuse.h>: fuse_out_header and fuse_init_out (7.8) for the request to begin, whose fuse_in_header comes. */
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

function takeRequests(fd: number): void {
  read(fd, Buffer.alloc(1 << 17), (error) => {
    if (!error) takeRequests(fd);
  });
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { in: { type: 'string' }, 'takes-requests': { type: 'boolean' } },
    allowPositionals: true,
  });
  const device = openDevice();
  if (values.in !== undefined) enterMountsOf(values.in);
  const hung = mountHung(positionals[0] ?? '', device);
  if (values['takes-requests']) {
    greet(device);
    takeRequests(device);
  }
  writeSync(1, 'mounted\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  hung[Symbol.dispose]();
  // An exit would wait for the thread that reads.
  process.kill(process.pid, 'SIGKILL');
}
