import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { InjectedFiles } from './spec/spec-mounts.ts';

/** Where containers have their files: what is to last below `root`, what a boot may end below `run`. */
export class ContainerPaths {
  readonly root: string;
  /** Bundles of running containers, by id. */
  readonly bundles: string;
  /** Directories of running execs, by id. */
  readonly execs: string;
  /** Process ids and exit codes. */
  readonly statusFiles: string;
  /** The OCI runtime's own state. */
  readonly runtime: string;
  /** /dev/shm of containers that share it. */
  readonly sharedMemory: string;

  constructor(directories: { readonly root: string; readonly run: string }) {
    this.root = directories.root;
    this.bundles = join(directories.run, 'bundles');
    this.execs = join(directories.run, 'execs');
    // The name stays: monitors that earlier daemons started write there as long as their containers run.
    this.statusFiles = join(directories.run, 'notices');
    this.runtime = join(directories.run, 'runtime');
    this.sharedMemory = join(directories.run, 'shm');
    for (const directory of [
      this.root,
      this.bundles,
      this.execs,
      this.statusFiles,
      this.runtime,
      this.sharedMemory,
    ]) {
      mkdirSync(directory, { recursive: true, mode: 0o711 });
    }
  }

  container(id: string): string {
    return join(this.root, id);
  }

  log(id: string): string {
    return join(this.root, id, 'log');
  }

  /** Of {@link files}. */
  etc(id: string): string {
    return join(this.root, id, 'etc');
  }

  bundle(id: string): string {
    return join(this.bundles, id);
  }

  exec(id: string): string {
    return join(this.execs, id);
  }

  shm(id: string): string {
    return join(this.sharedMemory, id);
  }

  /**
   * Written anew at every start. The container may write into them, so they are where the rest of what it writes is.
   * Versions up to commit 644a0f9 had them in the bundle.
   */
  files(id: string): Required<InjectedFiles> {
    const former = this.bundle(id);
    const directory = existsSync(join(former, 'hosts')) ? former : this.etc(id);
    const at = (name: string) => join(directory, name);
    return { hosts: at('hosts'), hostname: at('hostname'), resolvConf: at('resolv.conf') };
  }
}
