import { setTimeout as sleep } from 'node:timers/promises';
import { receiveError } from '#base/error-transfer.ts';
import { FileLanes } from './file-lanes.ts';
import {
  DEFAULT_DEADLINE_MS,
  type FileGuard,
  type FileRequest,
  type FileService,
  type FileTasks,
  type TaskMap,
  type TaskScript,
} from './file-service.ts';
import { ABORTED, BEATS, CONTROL_WORDS, type TaskAnswer, WAITING } from './file-thread.ts';
import { FileThreads, type TaskRun } from './file-threads.ts';
import { returnFreedMemory } from './memory.ts';

/** How often within its deadline a task is looked at. */
const LOOKS = 5;
/** How long closing waits for threads to stop: one that hangs does not. */
const CLOSE_MS = 1000;

/** Services of this process that were closed while threads of theirs hung. */
let closedWithHungThreads = 0;

/**
 * True if this process has threads inside of system calls that do not return: its exit would wait for them, so it ends
 * by `exitNow`.
 */
export function hasHungThreads(): boolean {
  return closedWithHungThreads > 0;
}

/** The file service on worker threads; see `file-service.ts`. Disposing it cuts off what runs. */
export class ThreadedFileService implements FileService, AsyncDisposable {
  readonly #lanes = new FileLanes();
  readonly #threads = new Map<string, FileThreads>();

  async run<Tasks extends TaskMap<Tasks>, Kind extends keyof Tasks & string>(
    tasks: FileTasks<Tasks>,
    kind: Kind,
    request: FileRequest<Tasks[Kind]['input']>,
  ): Promise<Tasks[Kind]['output']> {
    const { input, guard, limit, signal, transfer = [] } = request;
    signal?.throwIfAborted();
    using place = guard && (await this.#lanes.enter(guard, signal));
    using _permit = limit && (await limit.acquire(signal));
    signal?.throwIfAborted();
    const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT));
    const abort = () => void Atomics.store(control, ABORTED, 1);
    signal?.addEventListener('abort', abort);
    try {
      const run = this.#threadsOf(tasks).start({ kind, input, control }, transfer);
      const answer = guard ? await inTime(run, control, guard) : await run.answer;
      if (answer === undefined) {
        run.giveUp();
        throw place?.giveUp(run.answer);
      }
      signal?.throwIfAborted();
      if (!answer.ok) throw receiveError(answer.error);
      return answer.output;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  warm(tasks: TaskScript): void {
    this.#threadsOf(tasks).warm();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = Promise.all([...this.#threads.values()].map((threads) => threads.close()));
    const isClosed = await Promise.race([closing.then(() => true), sleep(CLOSE_MS, false, { ref: false })]);
    if (!isClosed || this.#lanes.hung > 0) closedWithHungThreads++;
  }

  #threadsOf(tasks: TaskScript): FileThreads {
    const key = tasks.script.href;
    const known = this.#threads.get(key);
    if (known) return known;
    const threads = new FileThreads(tasks, () => this.#tidy());
    this.#threads.set(key, threads);
    return threads;
  }

  /** What tasks moved went through the heap; once all is quiet, it can go. */
  #tidy(): void {
    if ([...this.#threads.values()].every((threads) => threads.isQuiet)) returnFreedMemory();
  }
}

/** The answer; undefined if the task shows no progress for the time of its deadline. */
async function inTime(
  { answer }: TaskRun,
  control: Int32Array,
  { deadlineMs = DEFAULT_DEADLINE_MS }: FileGuard,
): Promise<TaskAnswer | undefined> {
  const { promise: hung, resolve } = Promise.withResolvers<undefined>();
  let beats = 0;
  let looks = 0;
  const look = () => {
    const now = Atomics.load(control, BEATS);
    // Before its first beat the task has not begun: its thread starts.
    const goesOn = now === 0 || now !== beats || Atomics.load(control, WAITING) !== 0;
    beats = now;
    looks = goesOn ? 0 : looks + 1;
    if (looks >= LOOKS) resolve(undefined);
  };
  const timer = setInterval(look, deadlineMs / LOOKS);
  try {
    return await Promise.race([answer, hung]);
  } finally {
    clearInterval(timer);
  }
}
