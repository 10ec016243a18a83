import { ownFd } from '#linux/descriptors.ts';
import { openDirectory } from '#linux/files.ts';
import { chdir, chroot, fchdir, umask, unshareFilesystemContext } from '#linux/namespaces.ts';

let isUnshared = false;

/**
 * Runs `work` with `root` as this thread's root directory: whatever paths and links say, and whatever a container does
 * meanwhile, the kernel resolves them inside. Only for worker threads, and only for synchronous work; files get exactly
 * the modes that are asked for.
 */
export function inJail<T>(root: string, work: () => T): T {
  if (!isUnshared) {
    unshareFilesystemContext();
    isUnshared = true;
  }
  using home = ownFd(openDirectory('/'));
  chdir(root);
  chroot('.');
  const formerMask = umask(0);
  try {
    return work();
  } finally {
    umask(formerMask);
    leave(home.fd);
  }
}

/** A thread that cannot get out would do its next job in the wrong place. */
function leave(homeFd: number): void {
  try {
    fchdir(homeFd);
    chroot('.');
  } catch {
    process.exit(1);
  }
}
