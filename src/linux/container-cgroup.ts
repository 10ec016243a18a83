import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unlessErrno } from '#base/errno.ts';
import { EngineError, isEngineError } from '#base/errors.ts';
import { type CgroupReader, type CgroupStats, oomKillsV2, readStatsV1, readStatsV2 } from './cgroup-stats.ts';
import type { CgroupLayout } from './cgroup-layout.ts';
import { isErrno } from './errno.ts';
import { watchOomV1, watchOomV2 } from './oom-watch.ts';

const FREEZE_TIMEOUT_MS = 30_000;

/** The cgroup of one container, in whichever version the machine has. The runtime makes and removes it. */
export class ContainerCgroup {
  readonly #layout: CgroupLayout;
  readonly #path: string;

  /** @param cgroupPath as in the runtime spec: below the root of every hierarchy */
  constructor(layout: CgroupLayout, cgroupPath: string) {
    this.#layout = layout;
    this.#path = cgroupPath;
  }

  exists(): boolean {
    const directory = this.#directory('memory') ?? this.#directory('pids');
    return directory !== undefined && existsSync(directory);
  }

  /** @throws {EngineError} `not-found` if the cgroup is gone: the container has ended */
  readStats(): CgroupStats {
    if (!this.exists())
      throw new EngineError('not-found', `Cannot read cgroup ${this.#path}: no such cgroup`);
    return this.#isUnified ? readStatsV2(this.#read) : readStatsV1(this.#read);
  }

  /**
   * Learns of its running out of memory when it happens; `onOom` is called once. Keep it until the container has
   * ended: it may be told after the cgroup is gone.
   *
   * @throws {EngineError} `not-found` if there is no such cgroup
   */
  watchOom(onOom: () => void): Disposable {
    const directory = this.#directory('memory');
    if (directory === undefined || !this.exists()) throw this.#missing('watch');
    if (!this.#isUnified) return watchOomV1(directory, () => !existsSync(directory), onOom);
    return watchOomV2(directory, () => oomKillsV2(this.#read), onOom);
  }

  /** Its processes, those in cgroups below it not included; empty if it is gone. */
  pids(): number[] {
    const text = this.#read('pids', 'cgroup.procs') || this.#read('memory', 'cgroup.procs');
    return text.split('\n').filter(Boolean).map(Number);
  }

  /**
   * Stops all its processes where they are; resolves when the last one has stopped. Idempotent.
   *
   * @throws {EngineError} `unavailable` if that takes too long; they run again then. `not-found` if the cgroup is gone
   */
  async freeze(): Promise<void> {
    const deadline = performance.now() + FREEZE_TIMEOUT_MS;
    this.#writeFreezer(true);
    while (!this.isFrozen()) {
      if (performance.now() > deadline) {
        this.thaw();
        throw new EngineError('unavailable', `Cannot freeze cgroup ${this.#path}: its processes do not stop`);
      }
      // Usually done at the first look. Version 1 has no event, and tasks that were forking need asking again.
      await sleep(1);
      this.#writeFreezer(true);
    }
  }

  /** Lets them run again. Idempotent; of a cgroup that is gone nothing stands still. */
  thaw(): void {
    try {
      this.#writeFreezer(false);
    } catch (error) {
      if (!isEngineError(error, 'not-found')) throw error;
    }
  }

  isFrozen(): boolean {
    if (this.#isUnified) return /^frozen 1$/m.test(this.#read('', 'cgroup.events'));
    return this.#read('freezer', 'freezer.state').trim() === 'FROZEN';
  }

  get #isUnified(): boolean {
    return this.#layout.mode === 'v2';
  }

  #directory(controller: string): string | undefined {
    const root = this.#isUnified ? this.#layout.unifiedPath : this.#layout.v1Controllers.get(controller);
    return root === undefined ? undefined : join(root, this.#path);
  }

  readonly #read: CgroupReader = (controller, file) => {
    const directory = this.#directory(controller);
    if (directory === undefined) return '';
    return (
      unlessErrno(() => readFileSync(join(directory, file), 'utf8'), 'ENOENT', 'ENODEV', 'EOPNOTSUPP') ?? ''
    );
  };

  #writeFreezer(frozen: boolean): void {
    const directory = this.#directory('freezer');
    if (directory === undefined) {
      throw new EngineError('not-implemented', `Cannot freeze cgroup ${this.#path}: no freezer is mounted`);
    }
    const [file, value] = this.#isUnified
      ? ['cgroup.freeze', frozen ? '1' : '0']
      : ['freezer.state', frozen ? 'FROZEN' : 'THAWED'];
    try {
      writeFileSync(join(directory, file), value);
    } catch (cause) {
      if (!isErrno(cause, 'ENOENT', 'ENODEV')) throw cause;
      throw this.#missing('freeze', cause);
    }
  }

  #missing(action: string, cause?: unknown): EngineError {
    return new EngineError('not-found', `Cannot ${action} cgroup ${this.#path}: no such cgroup`, { cause });
  }
}
