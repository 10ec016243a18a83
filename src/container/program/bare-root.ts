import { lstatSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { O_PATH } from '#linux/constants.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';

/** A container's root before the runtime mounts anything over it: nobody can look into those mounts yet. */
export class BareRoot implements Disposable {
  readonly #root: OwnedFd;
  readonly #mounts: readonly { readonly destination: string }[];

  constructor(path: string, mounts: readonly { readonly destination: string }[]) {
    this.#root = ownFd(openDirectory(path));
    this.#mounts = mounts;
  }

  /** True for a path that a mount hides. */
  isCovered(path: string): boolean {
    return this.#mounts.some(({ destination }) => path === destination || path.startsWith(`${destination}/`));
  }

  /** With O_PATH; undefined if there is none. */
  open(path: string): OwnedFd | undefined {
    try {
      return ownFd(openInRoot(this.#root.fd, path, O_PATH));
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EXDEV')) return undefined;
      throw error;
    }
  }

  /** In the container, without links. */
  pathOf({ fd }: OwnedFd): string {
    return join('/', relative(pathOf(this.#root.fd), pathOf(fd)));
  }

  /** True if it is there, or may be in a mount. */
  mayBeThere(path: string): boolean {
    if (this.isCovered(path)) return true;
    using found = this.open(path);
    return found !== undefined;
  }

  /** True if it is certainly not there: no link on the way and no mount has it. */
  isMissing(path: string): boolean {
    if (this.isCovered(path)) return false;
    using parent = this.open(dirname(path));
    if (!parent) return this.isMissing(dirname(path));
    if (this.isCovered(join(this.pathOf(parent), basename(path)))) return false;
    const entry = `/proc/self/fd/${parent.fd}/${basename(path)}`;
    return lstatSync(entry, { throwIfNoEntry: false }) === undefined;
  }

  [Symbol.dispose](): void {
    this.#root[Symbol.dispose]();
  }
}

function pathOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}
