/** The thread's side of the file service (`file-service.ts`): one task at a time. */
import { parentPort } from 'node:worker_threads';
import { type TransferredError, transferError } from '#base/error-transfer.ts';
import { errnoOf } from '#base/errno.ts';
import { EngineError, messageOf } from '#base/errors.ts';
import { codeOfErrno, systemErrorOf } from './errno.ts';
import type { TaskMap } from './file-service.ts';

/** What thread and event loop share about a running task. */
export const CONTROL_WORDS = 3;
/** Not 0 once the caller has given up. */
export const ABORTED = 0;
/** Counts whatever shows that the task goes on, its begin first. */
export const BEATS = 1;
/** Not 0 while the task waits for its caller, and not for a file. */
export const WAITING = 2;

export interface TaskMessage {
  readonly kind: string;
  readonly input: unknown;
  readonly control: Int32Array;
}

export type TaskAnswer =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: TransferredError };

/** One function for each task; `aborted` is not 0 once the caller has given up. */
export type TaskHandlers<Tasks extends TaskMap<Tasks>> = {
  readonly [Kind in keyof Tasks]: (
    input: Tasks[Kind]['input'],
    aborted: Int32Array,
  ) => Tasks[Kind]['output'] | Promise<Tasks[Kind]['output']>;
};

/** The task that runs: a thread has one at a time. Undefined on the event loop. */
let running: Int32Array | undefined;

/** Tells that the task goes on; for loops over files and bytes. Does nothing on the event loop. */
export function beat(): void {
  if (running) Atomics.add(running, BEATS, 1);
}

/** Runs `wait`, which waits for the caller's bytes: no file system is to blame meanwhile. */
export function whileWaiting<Result>(wait: () => Result): Result {
  if (!running) return wait();
  Atomics.store(running, WAITING, 1);
  try {
    return wait();
  } finally {
    Atomics.store(running, WAITING, 0);
    beat();
  }
}

/** Makes this thread one of the file service. */
export function serveFileTasks<Tasks extends TaskMap<Tasks>>(handlers: TaskHandlers<Tasks>): void {
  parentPort?.on('message', (message: TaskMessage) => {
    void answer(handlers, message).then((result) => parentPort?.postMessage(result, []));
  });
}

async function answer<Tasks extends TaskMap<Tasks>>(
  handlers: TaskHandlers<Tasks>,
  { kind, input, control }: TaskMessage,
): Promise<TaskAnswer> {
  running = control;
  beat();
  try {
    const handler: unknown = Reflect.get(handlers, kind);
    if (typeof handler !== 'function') throw new TypeError(`There is no task ${kind}`);
    return { ok: true, output: await Reflect.apply(handler, undefined, [input, control]) };
  } catch (error) {
    return { ok: false, error: transferError(asEngineError(error)) };
  } finally {
    running = undefined;
  }
}

function asEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return systemErrorOf(error) ?? new EngineError(codeOfErrno(errnoOf(error)), messageOf(error));
}
