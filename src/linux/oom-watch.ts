import { closeSync, openSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { O_CLOEXEC } from './constants.ts';
import { closeFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { check, libc } from './libc.ts';
import { onceReadable } from './poll.ts';

/** <sys/eventfd.h> */
const EFD_NONBLOCK = 0o4000;

/**
 * Calls `onOom` once, when the kernel had to kill for want of memory. Version 1: an eventfd counts every time that the
 * cgroup runs out of memory, and once its removal (Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control"). The
 * counter keeps what we were too slow to see.
 *
 * @param directory of the memory controller
 */
export function watchOomV1(directory: string, isGone: () => boolean, onOom: () => void): Disposable {
  const stack = new DisposableStack();
  const eventFd = check('eventfd', directory, libc.eventfd(0, EFD_NONBLOCK | O_CLOEXEC));
  stack.defer(() => closeFd(eventFd));
  try {
    register(directory, eventFd);
  } catch (error) {
    stack.dispose();
    throw error;
  }
  let events = 0;
  let oomKilled = false;
  let wait: Disposable | undefined;
  stack.defer(() => wait?.[Symbol.dispose]());
  const look = () => {
    if (stack.disposed || oomKilled) return;
    events += readCounter(eventFd);
    oomKilled = events > (isGone() ? 1 : 0);
    if (oomKilled) onOom();
  };
  const arm = () => {
    look();
    if (!stack.disposed && !oomKilled && !isGone()) wait = onceReadable(eventFd, arm);
  };
  arm();
  return stack;
}

function register(directory: string, eventFd: number): void {
  const control = openSync(join(directory, 'memory.oom_control'), 'r');
  try {
    writeFileSync(join(directory, 'cgroup.event_control'), `${eventFd} ${control}`);
  } finally {
    closeSync(control);
  }
}

/** Reading an eventfd empties it; one that is empty says EAGAIN. */
function readCounter(eventFd: number): number {
  const counter = Buffer.alloc(8);
  try {
    check('read', 'eventfd', libc.read(eventFd, counter, counter.length));
    return Number(counter.readBigUInt64LE(0));
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return 0;
    throw error;
  }
}

/**
 * The same for version 2: memory.events changes, and inotify tells (Documentation/admin-guide/cgroup-v2.rst). A cgroup
 * that is removed within milliseconds of the kill may be gone before its counter is read.
 */
export function watchOomV2(directory: string, readKills: () => number, onOom: () => void): Disposable {
  let oomKilled = false;
  const look = () => {
    if (oomKilled || readKills() === 0) return;
    oomKilled = true;
    onOom();
  };
  const watcher = watch(join(directory, 'memory.events'), { persistent: false }, look);
  watcher.on('error', () => watcher.close());
  look();
  return { [Symbol.dispose]: () => watcher.close() };
}
