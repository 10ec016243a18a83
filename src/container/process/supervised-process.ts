import { rmSync } from 'node:fs';
import { processStartTime, watchExit } from '#linux/process.ts';
import type { TerminalSize } from '../container-spec.ts';
import type { MonitorWatch } from './monitor-watch.ts';
import { acknowledge } from './monitor.ts';
import type { RecordedExit, StatusFiles } from './status-files.ts';
import type { ProcessStreams } from './process-pipes.ts';
import type { ProcessTerminal } from './process-terminal.ts';
import type { ProcessIdentity } from '../run/state.ts';

export interface SupervisedProcessParts {
  readonly id: string;
  readonly directory: string;
  readonly identity: ProcessIdentity;
  readonly monitor: ProcessIdentity;
  readonly holder?: ProcessIdentity;
  readonly streams: ProcessStreams;
  readonly terminal?: ProcessTerminal;
  readonly watch: MonitorWatch;
  readonly statusFiles: StatusFiles;
}

/** A container's or exec's process under its monitor, from its start or its adoption by this daemon. */
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
  get exited(): Promise<RecordedExit> {
    return this.#parts.watch.exited;
  }

  resize(size: TerminalSize): void {
    this.#parts.terminal?.resize(size);
  }

  /** Ends the monitor of an ended process and removes its files. What is left in its pipes is lost. */
  async release(): Promise<void> {
    const { directory, statusFiles, id, watch, holder } = this.#parts;
    using _watch = watch;
    this.streams.input?.destroy();
    using _acknowledged = acknowledge(directory);
    statusFiles.remove(id);
    await Promise.all([watch.monitorEnded, holder && endOf(holder)]);
    rmSync(directory, { recursive: true, force: true });
  }

  /** Leaves the process, its monitor and its files to the next daemon. */
  detach(): void {
    this.streams.input?.destroy();
    this.#parts.watch[Symbol.dispose]();
  }
}

/** Names a process by its pid and start; a process that has ended already has no start. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTime: processStartTime(pid) ?? '' };
}

/** Resolves when the process has ended, and has been reaped if it is a child of ours: until then it waits for that. */
async function endOf({ pid, startTime }: ProcessIdentity): Promise<void> {
  if (processStartTime(pid) === startTime) await watchExit(pid).exited;
}
