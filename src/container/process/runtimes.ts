import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ReadOnlyProgram, openReadOnlyProgram } from '#linux/read-only-program.ts';
import type { TerminalSize } from '../container-spec.ts';
import type { ContainerPaths } from '../container-paths.ts';
import type { InstalledRuntime } from '../dependencies.ts';
import type { RuntimeFiles, TerminalRequest } from './supervisor.ts';

/** The names that `docker run --runtime` and other engines' configurations have for them. */
export const RUNTIME_NAMES: Readonly<Record<string, InstalledRuntime['name']>> = {
  crun: 'crun',
  runc: 'runc',
  'io.containerd.runc.v2': 'runc',
};

/** What each runtime keeps of a container in its state's directory. */
const STATE_FILES: Readonly<Record<InstalledRuntime['name'], string>> = {
  crun: 'status',
  runc: 'state.json',
};

/** An OCI runtime, and the commands for what it is to do. */
export class Runtime implements Disposable {
  readonly name: InstalledRuntime['name'];
  /** The path of the program, for what goes on after this daemon has ended. */
  readonly path: string;
  readonly #program: ReadOnlyProgram;
  readonly #paths: Pick<ContainerPaths, 'runtime' | 'bundle'>;

  constructor({ name, path }: InstalledRuntime, paths: Pick<ContainerPaths, 'runtime' | 'bundle'>) {
    this.name = name;
    this.path = path;
    this.#program = openReadOnlyProgram(path);
    this.#paths = paths;
  }

  /** `run` of a container's bundle; with `keep` the ended container stays until it is deleted. */
  runCommand(id: string, files: RuntimeFiles, keep: boolean): readonly string[] {
    return [
      ...this.#start('run', files),
      ...(keep ? ['--keep'] : []),
      '--bundle',
      this.#paths.bundle(id),
      id,
    ];
  }

  execCommand(id: string, processFile: string, files: RuntimeFiles): readonly string[] {
    return [...this.#start('exec', files), '--process', processFile, id];
  }

  /** The arguments of a command that starts nothing. */
  arguments(...args: readonly string[]): string[] {
    return [`--root=${this.#paths.runtime}`, ...args];
  }

  /** How a process gets its terminal: runc hands one over only when it is detached, and then its exit is not seen. */
  terminalFor(process: {
    readonly terminal: boolean;
    readonly terminalSize?: TerminalSize;
  }): TerminalRequest | undefined {
    const { terminal, terminalSize: size } = process;
    if (!terminal) return undefined;
    return this.name === 'crun' ? { from: 'runtime' } : { from: 'engine', ...(size && { size }) };
  }

  #start(action: 'run' | 'exec', { log, pidFile, consoleSocket }: RuntimeFiles): readonly string[] {
    const terminal = consoleSocket === undefined ? [] : ['--console-socket', consoleSocket];
    const global = [`--root=${this.#paths.runtime}`, `--log=${log}`, '--log-format=json'];
    return [this.#program.path, ...global, action, '--pid-file', pidFile, ...terminal];
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
  }
}

/** The OCI runtimes of this machine. */
export class Runtimes implements Disposable {
  readonly #all: readonly [Runtime, ...Runtime[]];
  readonly #paths: Pick<ContainerPaths, 'runtime' | 'bundle'>;

  /** @param installed first that of containers that ask for no other */
  constructor(
    [first, ...others]: readonly [InstalledRuntime, ...InstalledRuntime[]],
    paths: Pick<ContainerPaths, 'runtime' | 'bundle'>,
  ) {
    this.#all = [new Runtime(first, paths), ...others.map((other) => new Runtime(other, paths))];
    this.#paths = paths;
  }

  /** The runtime that a container asks for, if it is installed. */
  named(name: string | undefined): Runtime {
    return this.#find(({ name: own }) => own === RUNTIME_NAMES[name ?? '']);
  }

  /** The runtime that a container was started by: a former daemon may have had another default. */
  runtimeOf(id: string): Runtime {
    const [, ...others] = this.#all;
    if (others.length === 0) return this.#all[0];
    return this.#find(({ name }) => existsSync(join(this.#stateOf(id), STATE_FILES[name])));
  }

  /** Whether a runtime has state of the container: it removes that at the container's end unless it was killed. */
  knows(id: string): boolean {
    return existsSync(this.#stateOf(id));
  }

  #stateOf(id: string): string {
    return join(this.#paths.runtime, id);
  }

  #find(matches: (runtime: Runtime) => boolean): Runtime {
    return this.#all.find(matches) ?? this.#all[0];
  }

  [Symbol.dispose](): void {
    for (const runtime of this.#all) runtime[Symbol.dispose]();
  }
}
