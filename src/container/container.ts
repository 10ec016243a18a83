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
import type { ContainerPort } from '#base/ports.ts';
import type { FileStat, FilesystemChange } from '#layer/layer.ts';
import type { CgroupStats } from '#linux/cgroups.ts';
import type { MountPropagation } from '#linux/mount.ts';
import type { LogRecord, OutputStream } from '#log/log.ts';
import type { NetworkAttachment } from '#network/attachment.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { Digest } from '#oci/digest.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { Platform } from '#oci/platform.ts';
import type { ContainerSpec, ResourceLimits, RestartPolicy, TerminalSize } from './container-spec.ts';

export type { TerminalSize } from './container-spec.ts';

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
  /** Those that are given replace the present ones. */
  readonly limits: ResourceLimits;
  readonly restart?: RestartPolicy;
}

export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'removing'
  | 'exited'
  | 'dead';

/** How a container fares. */
export interface ContainerStateView {
  readonly status: ContainerStatus;
  /** Of its first process, while it runs. */
  readonly pid?: number;
  /** Of the last run, or of a start that failed; 0 before. */
  readonly exitCode: number;
  /** Why the last start failed. */
  readonly failure?: TransferredError;
  /** Of the present run, or the last. */
  readonly outOfMemory: boolean;
  /** RFC 3339; absent where it never happened. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export type MountView =
  | { readonly type: 'tmpfs'; readonly target: string; readonly readOnly: boolean }
  | {
      readonly type: 'bind';
      readonly target: string;
      readonly readOnly: boolean;
      readonly source: string;
      readonly propagation: MountPropagation;
      readonly writtenOptions: string;
    }
  | {
      readonly type: 'volume';
      readonly target: string;
      readonly readOnly: boolean;
      readonly name: string;
      readonly driver: string;
      /** Where its files are; empty if it is gone. */
      readonly source: string;
      readonly writtenOptions: string;
    };

export interface NetworkView {
  /** The networks that it is to be on; none where it shares another container's. */
  readonly attachments: readonly NetworkAttachment[];
  /** While it runs on networks of its own. */
  readonly sandbox?: Pick<SandboxRecord, 'endpoints' | 'publications' | 'namespacePath'> & {
    /** Exposed or published. */
    readonly servedPorts: readonly ContainerPort[];
  };
}

/** Bytes. */
export interface SizeView {
  /** In the writable layer. */
  readonly writableBytes: number;
  /** With the image's. */
  readonly rootBytes: number;
}

/** One row of a list. */
export interface ContainerListEntry {
  readonly id: string;
  /** Without leading slash. */
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly imageId: Digest;
  /** As the user named it, or the image's id where that name means another image now. */
  readonly image: string;
  readonly spec: ContainerSpec;
  readonly state: ContainerStateView;
  readonly mounts: readonly MountView[];
  readonly network: NetworkView;
  /** Only if it was asked for. */
  readonly size?: SizeView;
}

/** All there is to know of a container. */
export interface ContainerView extends ContainerListEntry {
  /** See {@link CreateContainerRequest}. */
  readonly requested: unknown;
  /** Of the execs that run or are yet to. */
  readonly execIds: readonly string[];
  /** The engine's files in /etc, once they are written. */
  readonly files?: { readonly hosts: string; readonly hostname: string; readonly resolvConf: string };
  /** Empty where the driver has no file. */
  readonly logPath: string;
  /** The overlay's directories; absent while it is being removed. */
  readonly snapshot?: {
    /** Topmost first. */
    readonly lowerPaths: readonly string[];
    readonly upperPath: string;
    readonly workPath: string;
    readonly mountPath: string;
  };
}

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface PruneReport {
  /** Ids. */
  readonly removed: readonly string[];
  readonly reclaimedBytes: number;
}

export interface ContainerStats {
  readonly id: string;
  readonly name: string;
  /** Absent if it does not run. */
  readonly sample?: StatsSample;
}

/** What a container used up to a moment. */
export interface StatsSample extends CgroupStats {
  /** RFC 3339. */
  readonly takenAt: string;
  /** What all processors together have spent since boot, idling included. */
  readonly hostCpuNs: number;
  readonly processors: number;
  readonly hostMemoryBytes: number;
  /** By interface; absent where the network is the host's, or none. */
  readonly interfaces?: Readonly<Record<string, InterfaceTraffic>>;
}

export interface InterfaceTraffic {
  readonly received: TrafficCounters;
  readonly sent: TrafficCounters;
}

interface TrafficCounters {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
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

export interface ExecStart {
  readonly detach: boolean;
  readonly tty: boolean;
  readonly consoleSize?: TerminalSize;
  /** What an attached client reads of a process that cannot run. Absent: the error's message. */
  readonly describeFailure?: (error: unknown) => string;
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
