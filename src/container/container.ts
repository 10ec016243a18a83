/**
 * Containers: isolated processes on a writable snapshot of an image.
 *
 * Vocabulary. A *container* is a configuration, a snapshot, a log and a state. A *monitor* is the small process that
 * starts the OCI runtime, outlives the daemon and records the exit code. An *exec* is a further process in a running
 * container. An *attachment* is a client listening to output and writing to stdin.
 *
 * Life cycle: created → running ⇄ paused → exited (→ running …) → removed; the one table is `state.ts`. A crash or
 * restart of the daemon changes nothing of it: the next daemon takes running containers over, and learns from their
 * monitors what ended meanwhile.
 *
 * References are ids, unambiguous prefixes of ids, or names (with or without leading slash).
 *
 * Errors: `not-found` ("No such container: x"), `conflict` (name taken, not running, paused, …), `not-modified`
 * (start of a running, stop of a stopped one), `invalid` (configuration, ambiguous prefix, runtime refused to start).
 */
import type { Readable, Writable } from 'node:stream';
import type { FileStat, FilesystemChange } from '#layer/layer.ts';
import type { LogRecord, OutputStream } from '#log/log.ts';
import type {
  ContainerConfig,
  ContainerInspect,
  ContainerPruneReport,
  ContainerSummary,
  CreateRequest,
  ExecInspect,
  ExecRequest,
  TopTable,
} from '#wire/container.ts';

export type Filters = ReadonlyMap<string, readonly string[]>;

export interface OutputChunk {
  /** With a TTY everything is stdout. */
  readonly stream: OutputStream;
  readonly data: Buffer;
}

export interface AttachRequest {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Live output from now on. */
  readonly stream: boolean;
  /** First what the log has. */
  readonly logs: boolean;
  /** As `ctrl-p,ctrl-q`; only acts with a TTY. Empty: the default. */
  readonly detachKeys: string;
}

/** One client's ends of a container's or exec's streams. Disposing detaches and leaves the process alone. */
export interface Attachment extends Disposable {
  readonly tty: boolean;
  /**
   * Object mode, {@link OutputChunk}s. Ends after the last output of the process (or on detach keys). A reader that
   * does not keep up slows the process down, as a full pipe would.
   */
  readonly output: Readable;
  /** Ending it closes the process's stdin where `StdinOnce` says so. Absent without `stdin`. */
  readonly input?: Writable;
}

export interface LogsRequest {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  readonly tail?: number;
  /** One record a line. */
  readonly perLine: boolean;
  readonly signal?: AbortSignal;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface ListRequest {
  readonly all: boolean;
  /** Newest n, running or not; 0 is without limit. */
  readonly limit: number;
  readonly size: boolean;
  readonly filters: Filters;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface ContainerStats {
  readonly id: string;
  readonly name: string;
  /** The wire's `stats` object without names: see Docker API `ContainerStats`. */
  readonly sample: Readonly<Record<string, unknown>>;
}

export interface CommitContainerRequest {
  /** `repository[:tag]`; absent leaves the image without a name. */
  readonly reference?: string;
  readonly comment?: string;
  readonly author?: string;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  /** Goes before the container's own, and is what the instructions change; absent: the container's own. */
  readonly config?: Partial<ContainerConfig>;
  /** Whether a running container stands still meanwhile. */
  readonly pause: boolean;
  readonly signal?: AbortSignal;
}

export interface Containers {
  create(
    request: CreateRequest,
    options: { readonly name?: string; readonly platform?: string },
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  start(reference: string, options?: { readonly detachKeys?: string }): Promise<void>;
  /** `timeoutSeconds` -1 waits forever; absent: the container's own, else 10. */
  stop(
    reference: string,
    options?: { readonly signal?: string; readonly timeoutSeconds?: number },
  ): Promise<void>;
  restart(
    reference: string,
    options?: { readonly signal?: string; readonly timeoutSeconds?: number },
  ): Promise<void>;
  kill(reference: string, signal: string): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  rename(reference: string, name: string): Promise<void>;
  remove(
    reference: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void>;
  prune(filters: Filters): Promise<ContainerPruneReport>;

  /** Resolves the reference at once (rejecting with `not-found`); `exit` settles when the condition is met. */
  wait(
    reference: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): Promise<{ readonly exit: Promise<{ readonly exitCode: number; readonly error?: string }> }>;
  attach(reference: string, request: AttachRequest): Promise<Attachment>;
  resize(reference: string, size: TerminalSize): Promise<void>;
  logs(
    reference: string,
    request: LogsRequest,
  ): Promise<{ readonly tty: boolean; readonly records: AsyncIterable<LogRecord> }>;

  inspect(reference: string, options: { readonly size: boolean }): Promise<ContainerInspect>;
  list(request: ListRequest): Promise<readonly ContainerSummary[]>;
  top(reference: string, psArguments: string): Promise<TopTable>;
  changes(reference: string): Promise<readonly FilesystemChange[]>;
  export(reference: string): Promise<Readable>;
  /** An image of what the container changed. @returns its id */
  commit(reference: string, request: CommitContainerRequest): Promise<string>;
  stats(reference: string): Promise<ContainerStats>;
  /** Live change of limits and restart policy (`docker update`). */
  update(
    reference: string,
    changes: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly warnings: readonly string[] }>;

  statPath(reference: string, path: string): Promise<FileStat>;
  getArchive(reference: string, path: string): Promise<{ readonly stat: FileStat; readonly tar: Readable }>;
  putArchive(
    reference: string,
    path: string,
    tar: Readable,
    options: {
      readonly noOverwriteDirNonDir: boolean;
      readonly copyUidGid: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<void>;

  createExec(reference: string, request: ExecRequest): Promise<{ readonly id: string }>;
  /** Starts it; with `detach` returns undefined once it runs (`invalid` if it cannot), else its streams. */
  startExec(
    id: string,
    options: { readonly detach: boolean; readonly tty: boolean; readonly consoleSize?: TerminalSize },
  ): Promise<Attachment | undefined>;
  resizeExec(id: string, size: TerminalSize): Promise<void>;
  inspectExec(id: string): ExecInspect;
}
