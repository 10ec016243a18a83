import { abortable } from '#base/abortable.ts';
import type { SandboxRecord } from '#network/network.ts';
import { untilDrained } from '../process/drain.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import type { AttachableStreams } from '../streams/attachable-streams.ts';
import type { LoggedOutput } from '../streams/output-hub.ts';
import type { RunRecord } from './state.ts';

/** One run of a container, in the state of the container that has it. */
export interface Run extends RunRecord {
  /** Absent where it shares another container's network. */
  readonly sandbox?: SandboxRecord;
  readonly active: ActiveRun;
}

/** What a run consists of while this daemon supervises it. */
export class ActiveRun {
  readonly process: SupervisedProcess;
  readonly streams: AttachableStreams;
  /** Ids of the execs that run in it or have not started yet. */
  readonly execs = new Set<string>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #held = new DisposableStack();
  #isDetached = false;

  constructor(process: SupervisedProcess, streams: AttachableStreams) {
    this.process = process;
    this.streams = streams;
  }

  /** Its output is read and logged from now on. */
  open(log: LoggedOutput): void {
    this.streams.open(this.process.streams, log);
  }

  /** Disposes of a watch when the run ends. */
  hold(watch: Disposable): void {
    this.#held.use(watch);
  }

  /** The process has ended: reads what it has left in its pipes, for a bounded time, and closes the log. */
  async drain(): Promise<void> {
    const { output } = this.streams;
    output.finish();
    await untilDrained(output.drained);
    output.close();
    this.#held.dispose();
  }

  /**
   * Its end is recorded: everything that waits for it is told. Resolves when attached clients that keep pace have all
   * its output; never rejects.
   */
  async end(): Promise<void> {
    this.#ended.resolve();
    await this.streams.end();
  }

  /**
   * Waits until it has ended and that is recorded.
   *
   * @param timeoutMs undefined waits for ever
   * @returns false if it has not ended in time
   */
  async untilEnded(timeoutMs: number | undefined): Promise<boolean> {
    return await inTime(this.#ended.promise, timeoutMs);
  }

  /**
   * The same for its process, for callers that hold the container's lock, so that its end is not recorded meanwhile.
   */
  async untilExited(timeoutMs: number | undefined): Promise<boolean> {
    return await inTime(this.process.exited, timeoutMs);
  }

  /** Whether it was left to the next daemon. */
  get isDetached(): boolean {
    return this.#isDetached;
  }

  /** Leaves it to the next daemon. */
  detach(): void {
    this.#isDetached = true;
    this.streams.detach();
    this.#held.dispose();
    this.process.detach();
  }
}

async function inTime(event: Promise<unknown>, timeoutMs: number | undefined): Promise<boolean> {
  if (timeoutMs === undefined) return await event.then(() => true);
  const signal = AbortSignal.timeout(timeoutMs);
  return await abortable(event, signal).then(
    () => true,
    () => false,
  );
}

/** The part of a run that is stored. */
export function recordOf(run: Run): RunRecord {
  const { active: _active, sandbox: _sandbox, ...record } = run;
  return record;
}
