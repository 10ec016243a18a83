import { type Transferable, Worker } from 'node:worker_threads';
import { EngineError } from '#base/errors.ts';
import type { TaskScript } from './file-service.ts';
import type { TaskAnswer, TaskMessage } from './file-thread.ts';

const IDLE_MS = 4000;

export interface TaskRun {
  /** @throws {EngineError} `aborted`, `exhausted`, `internal` for a thread that was stopped or crashed */
  readonly answer: Promise<TaskAnswer>;
  /** Neither the process nor another task waits for the thread any more; it ends once it answers. */
  giveUp(): void;
}

interface IdleThread {
  readonly worker: Worker;
  readonly timer: NodeJS.Timeout;
}

/**
 * The threads for one script of tasks. They start when first needed and stop when idle, for a thread at rest still
 * costs megabytes.
 */
export class FileThreads {
  readonly #tasks: TaskScript;
  readonly #onQuiet: () => void;
  readonly #idle: IdleThread[] = [];
  readonly #busy = new Set<Worker>();
  #closed = false;

  /** @param onQuiet called when the last thread has stopped */
  constructor(tasks: TaskScript, onQuiet: () => void) {
    this.#tasks = tasks;
    this.#onQuiet = onQuiet;
  }

  /** True if no thread works or is kept. Hung ones do not count. */
  get isQuiet(): boolean {
    return this.#busy.size === 0 && this.#idle.length === 0;
  }

  /** Sends a task to a thread that has no other. @throws {EngineError} `aborted` after {@link close} */
  start(message: TaskMessage, transfer: readonly Transferable[]): TaskRun {
    if (this.#closed) throw stopped();
    const worker = this.#take();
    const answer = ask(worker, message, transfer);
    let isGivenUp = false;
    const answered = () => (isGivenUp ? void worker.terminate() : this.#giveBack(worker));
    answer.then(answered, () => this.#drop(worker));
    return {
      answer,
      giveUp: () => {
        isGivenUp = true;
        this.#busy.delete(worker);
        worker.unref();
      },
    };
  }

  warm(): void {
    if (!this.#closed && this.#idle.length === 0) this.#giveBack(this.#startThread());
  }

  /** Stops all threads but hung ones; tasks that run are cut off. Resolves when the threads have stopped. */
  async close(): Promise<void> {
    this.#closed = true;
    const idle = this.#idle.splice(0);
    for (const { timer } of idle) clearTimeout(timer);
    await Promise.all([...idle.map(({ worker }) => worker), ...this.#busy].map((each) => each.terminate()));
  }

  #take(): Worker {
    const idle = this.#idle.pop();
    if (idle) clearTimeout(idle.timer);
    const worker = idle?.worker ?? this.#startThread();
    worker.ref();
    this.#busy.add(worker);
    return worker;
  }

  #giveBack(worker: Worker): void {
    this.#busy.delete(worker);
    if (this.#closed) return;
    worker.unref();
    const timer = setTimeout(() => void this.#retire(worker), IDLE_MS).unref();
    this.#idle.push({ worker, timer });
  }

  #drop(worker: Worker): void {
    this.#busy.delete(worker);
    void worker.terminate();
  }

  async #retire(worker: Worker): Promise<void> {
    const index = this.#idle.findIndex((idle) => idle.worker === worker);
    if (index >= 0) this.#idle.splice(index, 1);
    await worker.terminate();
    if (this.isQuiet) this.#onQuiet();
  }

  /** Descriptors are partly closed by system calls that Node does not see: it must not close their numbers again. */
  #startThread(): Worker {
    const { script, youngGenerationMb } = this.#tasks;
    return new Worker(script, {
      trackUnmanagedFds: false,
      ...(youngGenerationMb && { resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb } }),
    });
  }
}

async function ask(
  worker: Worker,
  message: TaskMessage,
  transfer: readonly Transferable[],
): Promise<TaskAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<TaskAnswer>();
  const lost = () => reject(stopped());
  const crashed = (error: Error) => reject(crash(error));
  worker.once('message', resolve);
  worker.once('error', crashed);
  worker.once('exit', lost);
  worker.postMessage(message, transfer);
  try {
    return await promise;
  } finally {
    worker.off('message', resolve);
    worker.off('error', crashed);
    worker.off('exit', lost);
  }
}

function crash(cause: Error): EngineError {
  const isOutOfMemory = 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
  const code = isOutOfMemory ? 'exhausted' : 'internal';
  return new EngineError(code, `Cannot finish work on files: ${cause.message}`, { cause });
}

function stopped(): EngineError {
  return new EngineError('aborted', 'Cannot finish work on files: its thread was stopped');
}
