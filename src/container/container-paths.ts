import { mkdirSync } from 'node:fs';
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

  bundle(id: string): string {
    return join(this.bundles, id);
  }

  exec(id: string): string {
    return join(this.execs, id);
  }

  shm(id: string): string {
    return join(this.sharedMemory, id);
  }

  /** Written anew at every start, so they last as long as the run. */
  files(id: string): Required<InjectedFiles> {
    const at = (name: string) => join(this.bundle(id), name);
    return { hosts: at('hosts'), hostname: at('hostname'), resolvConf: at('resolv.conf') };
  }
}
