/**
 * Containers: isolated processes on a writable snapshot of an image.
 *
 * Vocabulary. A *container* is a configuration, a snapshot, a log and a state. A *monitor* is the small process that
 * starts the OCI runtime, outlives the daemon and records the exit code. An *exec* is a further process in a running
 * container. An *attachment* is a client listening to output and writing to stdin.
 *
 * Life cycle: created → running ⇄ paused → exited (→ running …) → removed; the one table is `state.ts`. A crash or
 * restart of the daemon changes nothing of it: the next daemon adopts running containers, and learns from their
 * monitors
 * what ended meanwhile.
 *
 * References are ids, unambiguous prefixes of ids, or names (with or without leading slash).
 *
 * Errors: `not-found` ("No such container: x"), `conflict` (name taken, not running, paused, …), `not-modified`
 * (start of a running, stop of a stopped one), `invalid` (configuration, ambiguous prefix, runtime refused to start).
 *
 * ```ts
 * const { id } = await containers.create({ spec: newContainerSpec('postgres:18', { labels }), name: 'db' });
 * const { exit } = await containers.wait(id, 'next-exit'); // before the start, so that no exit is missed
 * await containers.start(id);
 * await containers.stop('db', { timeoutSeconds: 5 });
 * const { exitCode } = await exit;
 * await containers.remove(id, { force: false, volumes: true, link: false });
 * ```
 */
import type { Readable, Writable } from 'node:stream';
import type { TransferredError } from '#base/error-transfer.ts';
import type { Filters } from '#base/filters.ts';
import type { FileStat, FilesystemChange } from '#layer/layer.ts';
import type { LogRecord, OutputStream } from '#log/log.ts';
import type { NetworkAttachment } from '#network/attachment.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { Platform } from '#oci/platform.ts';
import type { ContainerSpec, ResourceLimits, RestartPolicy, TerminalSize } from './container-spec.ts';
import type { ContainerListEntry, ContainerStats, ContainerView, ProcessTable } from './views.ts';

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

export interface ExitOutcome {
  readonly exitCode: number;
  /** Why the container could not be started. */
  readonly failure?: TransferredError;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface ListRequest {
  readonly all: boolean;
  /** Newest n, running or not; 0 is without limit. */
  readonly limit: number;
  readonly size: boolean;
  readonly filters: Filters;
}

export interface CreateContainerRequest {
  readonly spec: ContainerSpec;
  /** The request as it was asked for, which the wire that took it shows again; JSON, and opaque to this domain. */
  readonly requested?: unknown;
  /** Absent: one is made up. */
  readonly name?: string;
  /** Absent: whatever the image is for. */
  readonly platform?: Platform;
}

export interface CreatedContainer {
  readonly id: string;
  readonly warnings: readonly string[];
}

/** A change of a container that exists. */
export interface ContainerUpdate {
  /** Limits that are given replace the present ones. */
  readonly limits: ResourceLimits;
  readonly restart?: RestartPolicy;
}

export interface PruneReport {
  /** Ids. */
  readonly removed: readonly string[];
  readonly reclaimedBytes: number;
}

/** A further process in a running container. */
export interface ExecSpec {
  readonly command: readonly string[];
  /** `NAME=value`; they win over the container's. */
  readonly environment: readonly string[];
  /** Absent: the container's. */
  readonly user?: string;
  readonly workingDirectory?: string;
  /** All capabilities. */
  readonly privileged: boolean;
  readonly terminal: boolean;
  readonly terminalSize?: TerminalSize;
  readonly attachesStdin: boolean;
  readonly attachesStdout: boolean;
  readonly attachesStderr: boolean;
  /** As `ctrl-p,ctrl-q`; empty: the default. */
  readonly detachKeys: string;
}

export interface ExecView {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  readonly isRunning: boolean;
  /** Once it has ended. */
  readonly exitCode?: number;
  /** Once it has been started. */
  readonly pid?: number;
}

export interface ExecStart {
  readonly detach: boolean;
  readonly consoleSize?: TerminalSize;
  /** What an attached client reads of a process that cannot run. Absent: the error's message. */
  readonly describeFailure?: (error: unknown) => string;
}

export interface CommitContainerRequest {
  /** `repository[:tag]`; absent leaves the image without a name. */
  readonly reference?: string;
  readonly comment?: string;
  readonly author?: string;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  /** Goes before the container's own, and is what the instructions change; absent: the container's own. */
  readonly config?: ImageDefaults;
  /** Whether a running container stands still meanwhile. */
  readonly pause: boolean;
  readonly signal?: AbortSignal;
}

export interface Containers {
  create(request: CreateContainerRequest): Promise<CreatedContainer>;
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
  /** Puts it on one more network: at once where it runs, else from its next start on. */
  connect(reference: string, attachment: NetworkAttachment): Promise<void>;
  /** With `force`, one that does not run is also taken off a network that is gone. */
  disconnect(reference: string, network: string, options: { readonly force: boolean }): Promise<void>;
  remove(
    reference: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void>;
  prune(filters: Filters): Promise<PruneReport>;

  /** Resolves the reference at once (rejecting with `not-found`); `exit` settles when the condition is met. */
  wait(
    reference: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): Promise<{ readonly exit: Promise<ExitOutcome> }>;
  attach(reference: string, request: AttachRequest): Promise<Attachment>;
  resize(reference: string, size: TerminalSize): Promise<void>;
  logs(
    reference: string,
    request: LogsRequest,
  ): Promise<{ readonly tty: boolean; readonly records: AsyncIterable<LogRecord> }>;

  inspect(reference: string, options: { readonly size: boolean }): Promise<ContainerView>;
  list(request: ListRequest): Promise<readonly ContainerListEntry[]>;
  top(reference: string, psArguments: string): Promise<ProcessTable>;
  changes(reference: string): Promise<readonly FilesystemChange[]>;
  export(reference: string): Promise<Readable>;
  /** An image of what the container changed. @returns its id */
  commit(reference: string, request: CommitContainerRequest): Promise<string>;
  stats(reference: string): Promise<ContainerStats>;
  /** Live change of limits and restart policy (`docker update`). */
  update(reference: string, changes: ContainerUpdate): Promise<{ readonly warnings: readonly string[] }>;

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

  createExec(reference: string, spec: ExecSpec): Promise<{ readonly id: string }>;
  /** Starts it; with `detach` returns undefined once it runs (`invalid` if it cannot), else its streams. */
  startExec(id: string, options: ExecStart): Promise<Attachment | undefined>;
  resizeExec(id: string, size: TerminalSize): Promise<void>;
  inspectExec(id: string): ExecView;
}
