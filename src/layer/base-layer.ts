import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unlessErrno } from '#base/errno.ts';

const DIRECTORIES = ['dev', 'dev/pts', 'dev/shm', 'etc', 'proc', 'sys'];
const FILES = ['.dockerenv', 'dev/console', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf'];

/**
 * Fills the directory that lies below the layers of every image: the places where a container's runtime mounts
 * something. They would otherwise be made in its writable layer, and be taken for changes of the container. Images
 * that have them keep their own.
 */
export function createBaseLayer(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  for (const name of DIRECTORIES) mkdirSync(join(path, name), { recursive: true, mode: 0o755 });
  for (const name of FILES)
    unlessThere(() => writeFileSync(join(path, name), '', { flag: 'wx', mode: 0o644 }));
  unlessThere(() => symlinkSync('/proc/mounts', join(path, 'etc/mtab')));
}

function unlessThere(create: () => void): void {
  unlessErrno(create, 'EEXIST');
}
