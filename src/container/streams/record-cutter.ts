import type { LogRecord, OutputStream } from '#log/log.ts';
import { nowNs } from '#base/clock.ts';
import type { UnfinishedLine } from './unfinished-line.ts';

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);
/** How much of a line may wait for its end; more is written as a partial record. */
const MAXIMUM_TAIL_BYTES = 64 * 1024;
/** A line whose end has not come within this time is written as a partial record too, for example a prompt. */
const IDLE_MS = 100;

/**
 * Cuts one stream's chunks into records that end with lines, copying nothing but the ends of chunks. Flush it when
 * the stream is over.
 */
export class RecordCutter {
  readonly #stream: OutputStream;
  readonly #append: (record: LogRecord) => void;
  #kept: UnfinishedLine | undefined;
  #tail: Buffer = NOTHING;
  #timer: NodeJS.Timeout | undefined;
  /** Counts pushes, so that a timer sees whether there was one. */
  #pushes = 0;

  constructor(stream: OutputStream, append: (record: LogRecord) => void) {
    this.#stream = stream;
    this.#append = append;
  }

  /**
   * Keeps unfinished lines where they outlive this process.
   *
   * @param left what a former process has kept there
   */
  keepIn(kept: UnfinishedLine, left: Buffer = NOTHING): void {
    this.#kept = kept;
    this.#tail = left;
    if (left.length > 0) this.#flushWhenIdle();
  }

  push(data: Buffer): void {
    this.#pushes++;
    const isBegun = this.#tail.length > 0;
    const end = data.lastIndexOf(NEWLINE) + 1;
    const start = end > 0 && this.#tail.length > 0 ? this.#completeTail(data) : 0;
    if (end > start) this.#emit(data.subarray(start, end), false);
    if (end < data.length) this.#keep(data.subarray(end));
    if (isBegun && this.#tail.length === 0) this.#kept?.clear();
  }

  /** Writes the beginning of an unfinished line, if there is one. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#tail.length === 0) return;
    const tail = this.#tail;
    this.#tail = NOTHING;
    this.#emit(tail, true);
    this.#kept?.clear();
  }

  /** Returns where the rest of the chunk starts. */
  #completeTail(data: Buffer): number {
    const first = data.indexOf(NEWLINE) + 1;
    const line = Buffer.concat([this.#tail, data.subarray(0, first)]);
    this.#tail = NOTHING;
    this.#emit(line, false);
    return first;
  }

  #keep(rest: Buffer): void {
    if (this.#tail.length + rest.length < MAXIMUM_TAIL_BYTES) {
      this.#kept?.append(rest, this.#tail.length);
      this.#tail = Buffer.concat([this.#tail, rest]);
      if (!this.#timer) this.#flushWhenIdle();
      return;
    }
    this.flush();
    this.#emit(rest, true);
  }

  #flushWhenIdle(): void {
    const pushes = this.#pushes;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#pushes === pushes) this.flush();
      else if (this.#tail.length > 0) this.#flushWhenIdle();
    }, IDLE_MS);
    this.#timer.unref();
  }

  #emit(data: Buffer, partial: boolean): void {
    this.#append({ stream: this.#stream, timeNs: nowNs(), data, partial });
  }
}
