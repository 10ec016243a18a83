import { constants, fstatSync, readSync } from 'node:fs';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { detectCompression } from '#oci/compression.ts';

/** tar(5): where `ustar` stands in the first header. */
const MAGIC_OFFSET = 257;
const HEAD_BYTES = 512;

/** True for a tar, compressed or not: what ADD unpacks. Judged by its first bytes. */
export function isArchive(root: string, path: string): boolean {
  const head = readHead(root, path);
  if (!head) return false;
  return (
    detectCompression(head) !== 'none' || head.toString('latin1', MAGIC_OFFSET, MAGIC_OFFSET + 5) === 'ustar'
  );
}

function readHead(root: string, path: string): Buffer | undefined {
  using rootFd = ownFd(openDirectory(root));
  try {
    using file = ownFd(openInRoot(rootFd.fd, path, constants.O_RDONLY | constants.O_NONBLOCK));
    if (!fstatSync(file.fd).isFile()) return undefined;
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(file.fd, head, 0, HEAD_BYTES, 0));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return undefined;
    throw error;
  }
}
