import { ownFd } from '#linux/descriptors.ts';
import { openDirectory } from '#linux/files.ts';
import { chdir, chroot, fchdir, umask, unshareFilesystemContext } from '#linux/namespaces.ts';
import type { RootView } from './layer.ts';
import { enterRootView } from './root-view.ts';

let isUnshared = false;

/**
 * Runs `work` with `root` as this thread's root directory: whatever paths and links say, and whatever a container does
 * meanwhile, the kernel resolves them inside. Only worker threads may use it, and only for synchronous work. Files get
 * exactly the modes that are asked for.
 */
export function inJail<T>(root: string | RootView, work: () => T): T {
  if (!isUnshared) {
    unshareFilesystemContext();
    isUnshared = true;
  }
  using home = ownFd(openDirectory('/'));
  const view = enter(root);
  const formerMask = umask(0);
  try {
    return work();
  } finally {
    umask(formerMask);
    leave(home.fd, view);
  }
}

function enter(root: string | RootView): Disposable | undefined {
  if (typeof root !== 'string' && (root.mounts.length > 0 || root.readonly)) return enterRootView(root);
  chdir(typeof root === 'string' ? root : root.path);
  chroot('.');
  return undefined;
}

/** Goes back to the home root: a thread that stayed would do its next job in the wrong place. */
function leave(homeFd: number, view: Disposable | undefined): void {
  try {
    view?.[Symbol.dispose]();
    fchdir(homeFd);
    chroot('.');
  } catch {
    process.exit(1);
  }
}
