/** For tests: a file that may be opened only when this process allows it, which it does not (fanotify(7)). */
import { AT_FDCWD } from './constants.ts';
import { closeFd } from './descriptors.ts';
import { bindLibrary, check, LIBC } from './libc.ts';

interface Fanotify {
  fanotify_init(flags: number, eventFlags: number): number;
  fanotify_mark(fd: number, flags: number, mask: number, directory: number, path: string): number;
}

const libc = bindLibrary<Fanotify>(LIBC, {
  fanotify_init: 'int fanotify_init(unsigned int, unsigned int)',
  fanotify_mark: 'int fanotify_mark(int, unsigned int, uint64_t, int, const char *)',
});

/** <linux/fanotify.h> */
const FAN_CLOEXEC = 1;
const FAN_CLASS_CONTENT = 4;
const FAN_MARK_ADD = 1;
const FAN_OPEN_PERM = 0x10000;

/** Opening the file waits until the result is disposed. */
export function watchOpening(path: string): Disposable {
  const fd = check('fanotify_init', path, libc.fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, 0));
  check('fanotify_mark', path, libc.fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, path));
  return { [Symbol.dispose]: () => closeFd(fd) };
}
