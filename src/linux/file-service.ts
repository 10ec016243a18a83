/**
 * The file service: work on files that a container, an image or a user controls, away from the event loop.
 *
 * A *task* is synchronous file work with a name, input and output; a domain declares its tasks once, with the script
 * of the thread that does them. A *lane* is whatever can hang as one: a container, a volume, a mount of the host. A
 * thread works on one task at a time; a task with a lane has a *deadline*: the time for which its thread may show no
 * progress.
 *
 * Life cycle of a task: it waits for a place in its lane → runs → answers; or shows no progress within its deadline,
 * and is *given up*: the caller gets an error, the thread is counted as *hung* and replaced. A thread inside of a
 * system call cannot be stopped, so a hung one stays until its file system answers, and ends then. A lane has at most
 * {@link LANE_PLACES} places, hung threads included, and begins nothing while {@link LANE_HUNG_LIMIT} of them hang:
 * its callers get the error at once. All other lanes go on.
 *
 * Errors: `files-hang`, `too-many-files-hang` (both `unavailable`), `aborted` (the signal, or the service was closed),
 * and whatever the task throws.
 *
 * ```ts
 * // user-tasks.ts: what there is to do
 * export interface UserTasks {
 *   readonly 'find-user': { readonly input: { readonly root: string; readonly user: string }; readonly output: number };
 * }
 * export const USER_TASKS = fileTasks<UserTasks>(workerModule('user-worker', import.meta.url));
 *
 * // user-worker.ts: the thread
 * serveFileTasks<UserTasks>({ 'find-user': ({ root, user }) => readUser(root, user) });
 *
 * // anywhere: ask, and be told
 * const uid = await files.run(USER_TASKS, 'find-user', {
 *   input: { root, user },
 *   guard: { lane: containerLane(id), action: `find user ${user}` },
 * });
 * ```
 */
import type { Transferable } from 'node:worker_threads';
import type { Semaphore } from '#base/semaphore.ts';

/** Tasks of one domain by name: what each takes and gives. */
export type TaskMap<Tasks> = {
  readonly [Kind in keyof Tasks]: { readonly input: unknown; readonly output: unknown };
};

export interface TaskScript {
  readonly script: URL;
  /** The size of the thread's heap: little, for tasks that work in buffers. */
  readonly youngGenerationMb?: number;
}

/** The tasks of a domain: which script does them, and their types. Made by {@link fileTasks}. */
export interface FileTasks<Tasks extends TaskMap<Tasks>> extends TaskScript {
  /** Absent at run time: carries the types. */
  readonly tasks?: Tasks;
}

/** Declares tasks. The script's name ends with `-worker.ts`, by which the build finds it. */
export function fileTasks<Tasks extends TaskMap<Tasks>>(
  script: URL,
  options: Omit<TaskScript, 'script'> = {},
): FileTasks<Tasks> {
  return { script, ...options };
}

/** What can hang as one. */
export interface FileLane {
  readonly key: string;
  /** Whose files they are, as an error says it: `the file system of container 4f2a`. */
  readonly place: string;
  /** What a person can do when it hangs. */
  readonly advice: string;
}

export interface FileGuard {
  readonly lane: FileLane;
  /** What the caller wants, as an error says it: `read /etc/passwd`. */
  readonly action: string;
  /** How long the task may show no progress; {@link DEFAULT_DEADLINE_MS} by default. */
  readonly deadlineMs?: number;
}

export interface FileRequest<Input> {
  readonly input: Input;
  /** Moved to the thread with the input. */
  readonly transfer?: readonly Transferable[];
  /** Absent for files that are the engine's own: such a task may take as long as it takes. */
  readonly guard?: FileGuard;
  /** Limits how many such tasks run at once, over all lanes; a hung one does not count. */
  readonly limit?: Semaphore;
  /** Asks the task to stop; the promise rejects with the signal's reason once it has. */
  readonly signal?: AbortSignal;
}

export interface FileService {
  /** Does one task on a thread. @throws what the task throws, see above for the errors of the service */
  run<Tasks extends TaskMap<Tasks>, Kind extends keyof Tasks & string>(
    tasks: FileTasks<Tasks>,
    kind: Kind,
    request: FileRequest<Tasks[Kind]['input']>,
  ): Promise<Tasks[Kind]['output']>;
  /** Has a thread at hand for a task that comes soon: starting one takes as long as many a task. */
  warm(tasks: TaskScript): void;
}

/** Long for a disk, short for a person. A lease is broken by the kernel after 45 s (fcntl(2)). */
export const DEFAULT_DEADLINE_MS = 10_000;
/** Tasks of one lane at the same time, hung ones included. */
export const LANE_PLACES = 4;
/** A lane with so many hung threads is taken for dead until one of them answers. */
export const LANE_HUNG_LIMIT = 2;
/** Hung threads of all lanes: each keeps some megabytes. */
export const HUNG_LIMIT = 32;
