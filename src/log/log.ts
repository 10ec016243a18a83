/**
 * Where a container's output goes and how it is read back.
 *
 * A *record* is bytes of one stream with the time they were read: whole lines, or with `partial` the beginning of a
 * line that continues in a later record of the same stream. Records may hold many lines; a driver that stores lines
 * splits them.
 *
 * Life cycle: opened when the container starts or the daemon reattaches → append … → closed. Reading needs no open
 * writer, and may follow one.
 *
 * Errors: the table is `log-errors.ts`.
 *
 * ```ts
 * const log = drivers.get('local').open({ containerId, directory, options: {} });
 * {
 *   using writer = log.openWriter();
 *   writer.append({ stream: 'stdout', timeNs, data: Buffer.from('hello\n'), partial: false });
 * }
 * for await (const record of log.read({ streams: ['stdout'], tail: 10, follow: false, perLine: true })) show(record);
 * await log.remove();
 * ```
 */
export type OutputStream = 'stdout' | 'stderr';

export interface LogRecord {
  readonly stream: OutputStream;
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  readonly data: Buffer;
  /** The last line in `data` has no end yet. */
  readonly partial: boolean;
}

export interface LogWriter extends Disposable {
  /**
   * Synchronous, so that nothing that was read from the container is lost when the daemon dies: the bytes are in the
   * kernel when it returns. Does not keep `record.data`.
   *
   * @throws {EngineError} `exhausted` when the disk is full; the record is dropped, later ones may succeed
   */
  append(record: LogRecord): void;
}

export interface LogQuery {
  readonly streams: readonly OutputStream[];
  /** Nanoseconds since the epoch, inclusive. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** The last n lines; absent: all. */
  readonly tail?: number;
  /** Continue until the container's output ends. */
  readonly follow: boolean;
  readonly signal?: AbortSignal;
  /** Each record holds exactly one line (needed to put timestamps in front). */
  readonly perLine: boolean;
}

/** Keep one object for each container: followers hear of the writers of the same object only. */
export interface ContainerLog {
  readonly driver: string;
  /** The file that `inspect` shows as LogPath; empty where there is none. */
  readonly path: string;
  openWriter(): LogWriter;
  /**
   * Ends when the log ends, or, following, when the writer is closed and read to its end; when `signal` fires, early
   * and without an error. Buffers are the caller's.
   */
  read(query: LogQuery): AsyncIterable<LogRecord>;
  remove(): Promise<void>;
}

export interface LogDriver {
  readonly name: string;
  /** @throws {EngineError} `invalid` for an option it does not know or cannot read */
  validate(options: Readonly<Record<string, string>>): void;
  open(context: {
    readonly containerId: string;
    /** Exists; belongs to the log alone. */
    readonly directory: string;
    readonly options: Readonly<Record<string, string>>;
    /** What `labels`, `env` and `tag` select; a driver that stores them writes them with every record. */
    readonly attributes?: Readonly<Record<string, string>>;
  }): ContainerLog;
}
