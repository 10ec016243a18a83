import { rm } from 'node:fs/promises';
import { type ExitStatus, type ProcessWatch, processStartTime, watchExit } from '#linux/process.ts';
import type { TerminalSize } from './container.ts';
import { nowNs } from './clock.ts';
import { acknowledge } from './monitor.ts';
import type { ExitNotice, Notices } from './notices.ts';
import type { ProcessStreams } from './process-pipes.ts';
import type { ProcessTerminal } from './process-terminal.ts';
import type { ProcessIdentity } from './state.ts';

/** What shells report for a process whose end nobody saw. */
const UNKNOWN_EXIT_CODE = 255;

const ENDED: ProcessWatch = { exited: Promise.resolve(undefined), [Symbol.dispose]: () => {} };

/** Waits for the notices of one monitor, and for the death of a monitor that cannot give any. */
export class MonitorWatch implements Disposable {
  readonly started = Promise.withResolvers<number>();
  readonly exited: Promise<ExitNotice>;
  readonly #notices: Disposable;
  readonly #monitor: ProcessWatch;
  #pid: number | undefined;

  /** @param monitorPid undefined if it is known to be dead; so the process, for one that started long ago */
  constructor(notices: Notices, id: string, monitorPid: number | undefined, pid?: number) {
    this.#pid = pid;
    const exit = Promise.withResolvers<ExitNotice>();
    this.exited = exit.promise;
    this.#notices = notices.subscribe(id, {
      started: (pid) => {
        this.#pid ??= pid;
        this.started.resolve(pid);
      },
      exited: (notice) => exit.resolve(notice),
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

  /** Usually its exit was noticed long before. A monitor that was killed leaves a process whose code nobody learns. */
  async #onMonitorDeath(status: ExitStatus | undefined): Promise<ExitNotice> {
    if (this.#pid !== undefined) await watchExit(this.#pid).exited;
    const exitCode = status?.signal === undefined ? (status?.code ?? UNKNOWN_EXIT_CODE) : UNKNOWN_EXIT_CODE;
    return { exitCode, outOfMemory: false, atNs: nowNs() };
  }

  [Symbol.dispose](): void {
    this.#notices[Symbol.dispose]();
    this.#monitor[Symbol.dispose]();
  }
}

export interface SupervisedProcessParts {
  readonly id: string;
  /** Goes with the process. */
  readonly directory: string;
  readonly identity: ProcessIdentity;
  readonly monitor: ProcessIdentity;
  readonly holder?: ProcessIdentity;
  readonly holderWatch?: ProcessWatch;
  readonly streams: ProcessStreams;
  readonly terminal?: ProcessTerminal;
  readonly watch: MonitorWatch;
  readonly notices: Notices;
}

/** A container's or exec's process under its monitor, from its start, or from when this daemon took it over. */
export class SupervisedProcess {
  readonly identity: ProcessIdentity;
  readonly monitor: ProcessIdentity;
  readonly holder?: ProcessIdentity;
  readonly streams: ProcessStreams;
  readonly #parts: SupervisedProcessParts;

  constructor(parts: SupervisedProcessParts) {
    this.#parts = parts;
    this.identity = parts.identity;
    this.monitor = parts.monitor;
    this.streams = parts.streams;
    if (parts.holder) this.holder = parts.holder;
  }

  /** Never rejects. */
  get exited(): Promise<ExitNotice> {
    return this.#parts.watch.exited;
  }

  resize(size: TerminalSize): void {
    this.#parts.terminal?.resize(size);
  }

  /** Ends the monitor of an ended process and removes its files. What is left in its pipes is lost. */
  async release(): Promise<void> {
    const { directory, notices, id, watch, holderWatch } = this.#parts;
    using _watch = watch;
    this.streams.input?.destroy();
    using _acknowledged = acknowledge(directory);
    notices.remove(id);
    await Promise.all([watch.monitorEnded, holderWatch?.exited]);
    await rm(directory, { recursive: true, force: true });
  }

  /** Leaves the process, its monitor and its files to the next daemon. */
  detach(): void {
    this.streams.input?.destroy();
    this.#parts.watch[Symbol.dispose]();
    this.#parts.holderWatch?.[Symbol.dispose]();
  }
}

/** Names a process by its pid and start; a process that has ended already has no start. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTime: processStartTime(pid) ?? '' };
}
