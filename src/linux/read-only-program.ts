import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { cloneMount } from './mount.ts';

/** Disposing it takes the path away; what was started by it runs on. */
export interface ReadOnlyProgram extends Disposable {
  readonly path: string;
}

/**
 * A path by which a program is seen on a read-only mount, as long as this process lives.
 *
 * An OCI runtime must not be overwritten by what runs in its containers (CVE-2019-5736). crun and runc, started from
 * where they could be, make such a mount or a copy of themselves and start again from there: 1.4 ms for each command,
 * which a program that cannot be written to begin with saves.
 *
 * On kernels that cannot do it (mount_setattr(2), 5.12) it is the program's own path.
 */
export function openReadOnlyProgram(path: string): ReadOnlyProgram {
  try {
    const program = realpathSync(path);
    const directory = cloneMount(dirname(program), { readonly: true });
    return {
      path: `/proc/${process.pid}/fd/${directory.fd}/${basename(program)}`,
      [Symbol.dispose]: () => directory[Symbol.dispose](),
    };
  } catch {
    return { path, [Symbol.dispose]: () => {} };
  }
}
