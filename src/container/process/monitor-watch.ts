import { type ExitStatus, type ProcessWatch, watchExit } from '#linux/process.ts';
import { nowNs } from '#base/clock.ts';
import type { RecordedExit, StatusSubscription, StatusFiles } from './status-files.ts';

/** What shells report for a process whose exit code is lost. */
const UNKNOWN_EXIT_CODE = 255;

const ENDED: ProcessWatch = { exited: Promise.resolve(undefined), [Symbol.dispose]: () => {} };

/** Waits for the status files of one monitor, and for the death of a monitor that cannot write any. */
export class MonitorWatch implements Disposable {
  readonly started = Promise.withResolvers<number>();
  readonly exited: Promise<RecordedExit>;
  readonly #statusFiles: StatusSubscription;
  readonly #monitor: ProcessWatch;
  #pid: number | undefined;

  /** @param monitorPid undefined if it is known to be dead; so the process, for one that started long ago */
  constructor(statusFiles: StatusFiles, id: string, monitorPid: number | undefined, pid?: number) {
    this.#pid = pid;
    const exit = Promise.withResolvers<RecordedExit>();
    this.exited = exit.promise;
    this.#statusFiles = statusFiles.subscribe(id, {
      started: (pid) => {
        this.#pid ??= pid;
        this.started.resolve(pid);
      },
      exited: (recorded) => exit.resolve(recorded),
    });
    this.#monitor = monitorPid === undefined ? ENDED : watchExit(monitorPid);
    void this.#monitor.exited.then((status) => this.#onMonitorDeath(status)).then(exit.resolve);
  }

  /** Whether the process ever ran. */
  get hasStarted(): boolean {
    return this.#pid !== undefined;
  }

  /** Resolves when the monitor has ended and been reaped. */
  get monitorEnded(): Promise<unknown> {
    return this.#monitor.exited;
  }

  /**
   * The exit of a recording monitor's process is known long before; a runtime that is its own monitor tells its
   * process's code by its own. One that was killed leaves a process whose code is lost.
   */
  async #onMonitorDeath(status: ExitStatus | undefined): Promise<RecordedExit> {
    this.#statusFiles.check();
    if (this.#pid !== undefined) await watchExit(this.#pid).exited;
    const exitCode = status?.signal === undefined ? (status?.code ?? UNKNOWN_EXIT_CODE) : UNKNOWN_EXIT_CODE;
    return { exitCode, outOfMemory: false, atNs: nowNs() };
  }

  [Symbol.dispose](): void {
    this.#statusFiles[Symbol.dispose]();
    this.#monitor[Symbol.dispose]();
  }
}
