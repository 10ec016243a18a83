import { openSync } from 'node:fs';
import { AT_FDCWD, O_CLOEXEC, O_PATH } from './constants.ts';
import { closeFd, type OwnedFd, ownFd } from './descriptors.ts';
import { check, lastErrno, libc, systemError } from './libc.ts';
import { syscall } from './syscalls.ts';

/** <linux/mount.h> */
const FSOPEN_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;

/** fsconfig(2) refuses values of 256 bytes and more. */
const MAX_VALUE_BYTES = 255;

/**
 * A file system that is being configured (fsopen(2), fsconfig(2)). In contrast to mount(2) there is no limit on the
 * number of options, no escaping, and the kernel says what it did not like.
 */
export class FilesystemContext implements Disposable {
  readonly #fd: number;
  readonly #type: string;
  readonly #target: string;
  readonly #resources = new DisposableStack();

  private constructor(fd: number, type: string, target: string) {
    this.#fd = fd;
    this.#type = type;
    this.#target = target;
    this.#resources.defer(() => closeFd(fd));
  }

  /** @throws {SystemError} `ENODEV` if the kernel does not have the file system */
  static open(type: string, target: string): FilesystemContext {
    const fd = check('fsopen', target, syscall.fsopen(type, FSOPEN_CLOEXEC));
    return new FilesystemContext(fd, type, target);
  }

  set(key: string, value: string): void {
    if (value === '') this.setFlag(key);
    else this.setString(key, value);
  }

  setFlag(key: string): void {
    this.#configure(FSCONFIG_SET_FLAG, key, null);
  }

  setString(key: string, value: string): void {
    this.#configure(FSCONFIG_SET_STRING, key, value);
  }

  /** A path of any length: one that is too long is given as /proc/self/fd/N, which the kernel follows. */
  setPath(key: string, path: string): void {
    if (Buffer.byteLength(path) <= MAX_VALUE_BYTES) return this.setString(key, path);
    const fd = this.#resources.use(ownFd(openSync(path, O_PATH | O_CLOEXEC))).fd;
    return this.setString(key, `/proc/self/fd/${fd}`);
  }

  /** Creates the file system, mounted nowhere: reached through its descriptor, gone with it. */
  create(): OwnedFd {
    this.#configure(FSCONFIG_CMD_CREATE, null, null);
    return ownFd(this.#check('fsmount', syscall.fsmount(this.#fd, FSMOUNT_CLOEXEC, 0)));
  }

  /** Creates the file system and attaches it to the target. */
  mount(): void {
    using mount = this.create();
    const moved = syscall.moveMount(
      { fd: mount.fd, path: '' },
      { fd: AT_FDCWD, path: this.#target },
      MOVE_MOUNT_F_EMPTY_PATH,
    );
    check('move_mount', this.#target, moved);
  }

  #configure(command: number, key: string | null, value: string | null): void {
    this.#check('fsconfig', syscall.fsconfig(this.#fd, command, key, value));
  }

  #check(name: string, result: number): number {
    if (result >= 0) return result;
    const errno = lastErrno();
    throw systemError(errno, { syscall: name, subject: this.#target, detail: this.#readLog() || this.#type });
  }

  /** The messages that the kernel left in the context: one a read, "e " before errors and "w " before warnings. */
  #readLog(): string {
    const buffer = Buffer.alloc(8192);
    const lines: string[] = [];
    for (;;) {
      const length = libc.read(this.#fd, buffer, buffer.length);
      if (length <= 0) return lines.join('; ');
      lines.push(
        buffer
          .toString('utf8', 0, length)
          .trim()
          .replace(/^[ewi] /, ''),
      );
    }
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
