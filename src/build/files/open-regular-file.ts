import { fstatSync } from 'node:fs';
import { promptly } from '#container/files/root-access.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { SystemError } from '#linux/errno.ts';
import { openDirectory } from '#linux/files.ts';

/**
 * Opens a file in a tree of the engine's own for reading, links followed inside of it. A FIFO or a device, which could
 * hold up its reader, counts as missing.
 *
 * @throws {SystemError} `not-found`, or `invalid` for a path through a file or a circle of links
 */
export function openRegularFile(root: string, path: string): OwnedFd {
  using rootFd = ownFd(openDirectory(root));
  using found = ownFd(promptly.find(rootFd.fd, path));
  if (!fstatSync(found.fd).isFile()) {
    throw new SystemError({
      errno: 'ENOENT',
      description: 'no regular file',
      syscall: 'openat2',
      subject: path,
    });
  }
  return ownFd(promptly.openFile(found.fd));
}
