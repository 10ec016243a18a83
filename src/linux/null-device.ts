import { fchmodSync, openSync, unlinkSync } from 'node:fs';
import { type OwnedFd, closeFd } from './descriptors.ts';
import { FilesystemContext } from './filesystem-context.ts';
import { makeNode } from './files.ts';

/** <sys/stat.h>, and the numbers of /dev/null (null(4)). */
const S_IFCHR = 0o020000;
const NULL_MAJOR = 1;
const NULL_MINOR = 3;

/**
 * Null devices for processes that must not get the host's: an OCI runtime gives its process's standard streams to the
 * container's user, who may then change their modes. Each is an inode of its own, on a file system that is mounted
 * nowhere and goes with its last descriptor.
 */
export class NullDevices implements Disposable {
  #filesystem: OwnedFd | undefined;

  /** Opened for reading and writing, close-on-exec; the caller closes it. */
  open(): number {
    this.#filesystem ??= createFilesystem();
    const path = `/proc/self/fd/${this.#filesystem.fd}/null`;
    makeNode(path, S_IFCHR | 0o600, NULL_MAJOR, NULL_MINOR);
    try {
      const fd = openSync(path, 'r+');
      // Like the host's, whatever the umask is.
      fchmodSync(fd, 0o666);
      return fd;
    } finally {
      unlinkSync(path);
    }
  }

  [Symbol.dispose](): void {
    if (this.#filesystem) closeFd(this.#filesystem.fd);
    this.#filesystem = undefined;
  }
}

function createFilesystem(): OwnedFd {
  using context = FilesystemContext.open('tmpfs', 'null devices');
  context.setString('size', '64k');
  context.setString('mode', '700');
  return context.create();
}
