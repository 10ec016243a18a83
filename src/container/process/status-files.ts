import { type FSWatcher, mkdirSync, readdirSync, rmSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from '#linux/read-if-there.ts';

/** What a monitor recorded when its runtime had ended. */
export interface RecordedExit {
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** Nanoseconds since the epoch. */
  readonly atNs: bigint;
}

export interface StatusListener {
  /** At most once, and before `exited`. */
  started(pid: number): void;
  /** At most once. */
  exited(exit: RecordedExit): void;
}

/** Disposing it ends it. */
export interface StatusSubscription extends Disposable {
  /** Reports at once what the kernel's watch has not reported yet. */
  check(): void;
}

class Subscription {
  readonly #listener: StatusListener;
  readonly #prefix: string;
  #sawStart = false;
  #sawExit = false;

  constructor(prefix: string, listener: StatusListener) {
    this.#prefix = prefix;
    this.#listener = listener;
  }

  check(): void {
    if (!this.#sawStart) {
      const pid = Number(readIfThere(`${this.#prefix}.pid`) ?? '');
      if (pid > 0) {
        this.#sawStart = true;
        this.#listener.started(pid);
      }
    }
    const exit = this.#sawExit ? undefined : readExit(`${this.#prefix}.exit`);
    if (!exit) return;
    this.#sawExit = true;
    this.#listener.exited(exit);
  }
}

/**
 * The directory in which runtimes write pid files and monitors exit codes, `ID.pid` and `ID.exit`. One watch
 * (inotify(7)) serves all containers and execs; the files stay for a daemon that was not there.
 */
export class StatusFiles implements Disposable {
  readonly #directory: string;
  readonly #watcher: FSWatcher;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#directory = directory;
    this.#watcher = watch(directory, (_event, file) => this.#changed(file));
  }

  /** What the runtime is told to write its pid to. */
  pidFile(id: string): string {
    return `${this.prefix(id)}.pid`;
  }

  /** The files' common path, without extension. */
  prefix(id: string): string {
    return join(this.#directory, id);
  }

  /** Files that are there already are reported at once. */
  subscribe(id: string, listener: StatusListener): StatusSubscription {
    const subscription = new Subscription(this.prefix(id), listener);
    this.#subscriptions.set(id, subscription);
    subscription.check();
    return {
      check: () => subscription.check(),
      [Symbol.dispose]: () => void this.#subscriptions.delete(id),
    };
  }

  /** The pid that a runtime wrote down; undefined before it has. */
  startedPid(id: string): number | undefined {
    return Number(readIfThere(this.pidFile(id)) ?? '') || undefined;
  }

  remove(id: string): void {
    rmSync(`${this.prefix(id)}.pid`, { force: true });
    rmSync(`${this.prefix(id)}.exit`, { force: true });
  }

  /** Removes files of former daemons whose process is over. */
  removeIf(isOver: (id: string) => boolean): void {
    const ids = readdirSync(this.#directory).map((file) => file.slice(0, file.lastIndexOf('.')));
    for (const id of new Set(ids)) if (isOver(id)) this.remove(id);
  }

  /** An event without a name says that the kernel's queue overflowed: anything may have changed. */
  #changed(file: string | null): void {
    if (file === null) for (const subscription of this.#subscriptions.values()) subscription.check();
    else this.#subscriptions.get(file.slice(0, file.lastIndexOf('.')))?.check();
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    this.#subscriptions.clear();
  }
}

/** `137 oom\n`; without its newline the monitor is still writing. */
function readExit(path: string): RecordedExit | undefined {
  const [, code, oom] = /^(\d+)( oom)?\n$/.exec(readIfThere(path) ?? '') ?? [];
  if (code === undefined) return undefined;
  const atNs = statSync(path, { bigint: true }).mtimeNs;
  return { exitCode: Number(code), outOfMemory: oom !== undefined, atNs };
}
