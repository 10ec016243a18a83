import type { Readable } from 'node:stream';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { LogRecord, LogWriter, OutputStream } from '#log/log.ts';
import type { OutputChunk } from '../container.ts';
import { PIPE_BYTES } from '../process/process-pipes.ts';
import { RecordCutter } from './record-cutter.ts';
import { type LeftLines, UnfinishedLine } from './unfinished-line.ts';

/** A listener to a process's output. */
export interface OutputListener {
  /** False: no more until `hub.resume(listener)`. */
  push(chunk: OutputChunk): boolean;
  /**
   * The process has ended and all its output was pushed. Resolves when that has been taken, or is not taken at the
   * moment because the client is slow.
   */
  end(): Promise<void>;
}

/** Where output goes to the log. */
export interface LoggedOutput {
  readonly writer: LogWriter;
  /** Where unfinished lines are kept; it lasts as long as the run. */
  readonly directory: string;
  readonly left?: LeftLines;
}

/** How much the pipes of an ended process can still hold of its output. */
const LAST_BYTES = 2 * PIPE_BYTES;

/**
 * Carries a process's output from its pipes to the log and to every listener, in the order in which it was read.
 * The log comes first and synchronously. A listener that is behind stops the reading, and so in the end the process.
 */
export class OutputHub {
  readonly #logger: Logger;
  readonly #listeners = new Set<OutputListener>();
  readonly #behind = new Set<OutputListener>();
  readonly #sources = new Map<Readable, OutputStream>();
  readonly #cutters: Readonly<Record<OutputStream, RecordCutter>>;
  #writer: LogWriter | undefined;
  /** Bytes that were lost since the last record that could be written. */
  #lostBytes = 0;
  /** How many bytes may still be read even if a client is behind. */
  #hurriedBytes = 0;
  #drained = Promise.withResolvers<void>();

  constructor(logger: Logger) {
    this.#logger = logger;
    const append = (record: LogRecord) => this.#append(record);
    this.#cutters = {
      stdout: new RecordCutter('stdout', append),
      stderr: new RecordCutter('stderr', append),
    };
  }

  /** Begins a run; the log's writer is the hub's from now on. */
  open(sources: ReadonlyMap<Readable, OutputStream>, log?: LoggedOutput): void {
    this.#writer = log?.writer;
    if (log) this.#keepLines(log);
    this.#hurriedBytes = 0;
    this.#drained = Promise.withResolvers<void>();
    for (const [source, stream] of sources) this.#connect(source, stream);
    if (sources.size === 0) this.#drained.resolve();
  }

  #keepLines({ directory, left }: LoggedOutput): void {
    for (const stream of ['stdout', 'stderr'] as const)
      this.#cutters[stream].keepIn(new UnfinishedLine(directory, stream), left?.get(stream));
  }

  /** Resolves when the pipes of this run are at their end. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** The process has ended: what it has left in the pipes is read now, and waits for listeners that are behind. */
  finish(): void {
    this.#hurriedBytes = LAST_BYTES;
    this.#behind.clear();
    for (const source of this.#sources.keys()) source.resume();
  }

  /** Tells listeners something that the process did not say. */
  say(data: Buffer): void {
    for (const listener of this.#listeners) listener.push({ stream: 'stdout', data });
  }

  subscribe(listener: OutputListener): void {
    this.#listeners.add(listener);
  }

  unsubscribe(listener: OutputListener): void {
    this.#listeners.delete(listener);
    this.resume(listener);
  }

  resume(listener: OutputListener): void {
    if (!this.#behind.delete(listener) || this.#behind.size > 0) return;
    for (const source of this.#sources.keys()) source.resume();
  }

  /** Writes unfinished lines to the log, so that it has everything that listeners got. */
  flush(): void {
    this.#cutters.stdout.flush();
    this.#cutters.stderr.flush();
  }

  /** Ends a run's log; what its pipes still held is given up. */
  close(): void {
    for (const source of this.#sources.keys()) source.destroy();
    this.#sources.clear();
    this.#behind.clear();
    this.flush();
    this.#writer?.[Symbol.dispose]();
    this.#writer = undefined;
    this.#drained.resolve();
  }

  /** Resolves when every listener that keeps pace has had everything. */
  async endListeners(): Promise<void> {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    await Promise.all(listeners.map((listener) => listener.end()));
  }

  /** Stops reading and closes the log, with what was read in it; the rest stays in the pipes for the next daemon. */
  detach(): void {
    for (const [source, stream] of this.#sources) {
      source.pause();
      for (let data: unknown = source.read(); data instanceof Buffer; data = source.read()) {
        this.#cutters[stream].push(data);
      }
    }
    this.close();
  }

  #connect(source: Readable, stream: OutputStream): void {
    this.#sources.set(source, stream);
    source.on('data', (data: Buffer) => this.#deliver(stream, data));
    source.on('error', (error) =>
      this.#logger.warn('reading a container’s output failed', { stream, error: messageOf(error) }),
    );
    source.once('close', () => {
      this.#sources.delete(source);
      if (this.#sources.size === 0) this.#drained.resolve();
    });
  }

  #deliver(stream: OutputStream, data: Buffer): void {
    if (this.#writer) this.#cutters[stream].push(data);
    this.#hurriedBytes -= data.length;
    for (const listener of this.#listeners) {
      if (listener.push({ stream, data }) || this.#hurriedBytes > 0) continue;
      this.#behind.add(listener);
      for (const source of this.#sources.keys()) source.pause();
    }
  }

  #append(record: LogRecord): void {
    try {
      this.#writer?.append(record);
    } catch (error) {
      return this.#lose(record, error);
    }
    if (this.#lostBytes === 0) return undefined;
    this.#logger.warn('a container’s output is logged again', { lostBytes: this.#lostBytes });
    this.#lostBytes = 0;
    return undefined;
  }

  /** Logs a failure once, however long it lasts, so that messages do not fill a full disk. */
  #lose(record: LogRecord, error: unknown): void {
    if (this.#lostBytes === 0) {
      this.#logger.error('a container’s output is not logged', { error: messageOf(error) });
    }
    this.#lostBytes += record.data.length;
  }
}
