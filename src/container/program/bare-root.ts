import { constants, readlinkSync, readSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { unlessErrno } from '#base/errno.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { openDirectory } from '#linux/files.ts';
import type { RootAccess } from '../files/root-access.ts';

/** A container's root before the runtime mounts anything over it; those mounts cannot be looked into yet. */
export class BareRoot implements Disposable {
  readonly #root: OwnedFd;
  readonly #mounts: readonly { readonly destination: string }[];
  readonly #access: RootAccess;

  constructor(path: string, mounts: readonly { readonly destination: string }[], access: RootAccess) {
    this.#access = access;
    this.#root = ownFd(openDirectory(path));
    this.#mounts = mounts;
  }

  /** True for a path that a mount hides. */
  isCovered(path: string): boolean {
    return this.#mounts.some(({ destination }) => path === destination || path.startsWith(`${destination}/`));
  }

  /** With O_PATH; undefined if there is none. */
  open(path: string): OwnedFd | undefined {
    return this.#find(this.#root.fd, path, 0);
  }

  /** The entry itself, a link not followed. */
  #openEntry({ fd }: OwnedFd, name: string): OwnedFd | undefined {
    return this.#find(fd, name, constants.O_NOFOLLOW);
  }

  #find(rootFd: number, path: string, flags: number): OwnedFd | undefined {
    return unlessErrno(
      () => ownFd(this.#access.find(rootFd, path, flags)),
      'ENOENT',
      'ENOTDIR',
      'ELOOP',
      'ENAMETOOLONG',
    );
  }

  /** The first bytes of a file that was opened. */
  readHead({ fd }: OwnedFd, buffer: Buffer): Buffer {
    using file = ownFd(this.#access.openFile(fd));
    return buffer.subarray(0, readSync(file.fd, buffer, 0, buffer.length, 0));
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
    using entry = this.#openEntry(parent, basename(path));
    return entry === undefined;
  }

  [Symbol.dispose](): void {
    this.#root[Symbol.dispose]();
  }
}

function pathOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}
