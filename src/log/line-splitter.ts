import type { LogRecord, OutputStream } from './log.ts';

const NEWLINE = 10;
const MAXIMUM_WAITING_BYTES = 1 << 20;

/** Turns records of any shape into records of exactly one line, joining those that continue one another. */
export class LineSplitter {
  readonly #maximumWaitingBytes: number;
  readonly #begun = new Map<
    OutputStream,
    { readonly timeNs: bigint; readonly pieces: Buffer[]; length: number }
  >();

  /** @param maximumWaitingBytes a line whose end has not come is handed out in pieces from this size on */
  constructor(maximumWaitingBytes: number = MAXIMUM_WAITING_BYTES) {
    this.#maximumWaitingBytes = maximumWaitingBytes;
  }

  *split(record: LogRecord): Generator<LogRecord> {
    const { data, stream, timeNs } = record;
    let start = 0;
    for (let end = data.indexOf(NEWLINE) + 1; end > 0; end = data.indexOf(NEWLINE, start) + 1) {
      yield this.#complete(stream, timeNs, data.subarray(start, end));
      start = end;
    }
    if (start === data.length) return;
    this.#begin(stream, timeNs, data.subarray(start));
    if ((this.#begun.get(stream)?.length ?? 0) >= this.#maximumWaitingBytes) yield* this.#flush(stream);
  }

  /** What is left at the end of the log: lines that never ended. */
  *rest(): Generator<LogRecord> {
    for (const stream of this.#begun.keys()) yield* this.#flush(stream);
  }

  #begin(stream: OutputStream, timeNs: bigint, piece: Buffer): void {
    const begun = this.#begun.get(stream) ?? { timeNs, pieces: [], length: 0 };
    begun.pieces.push(piece);
    begun.length += piece.length;
    this.#begun.set(stream, begun);
  }

  #complete(stream: OutputStream, timeNs: bigint, end: Buffer): LogRecord {
    const begun = this.#begun.get(stream);
    if (!begun) return { stream, timeNs, data: end, partial: false };
    this.#begun.delete(stream);
    return { stream, timeNs: begun.timeNs, data: Buffer.concat([...begun.pieces, end]), partial: false };
  }

  *#flush(stream: OutputStream): Generator<LogRecord> {
    const begun = this.#begun.get(stream);
    if (!begun) return;
    this.#begun.delete(stream);
    yield { stream, timeNs: begun.timeNs, data: Buffer.concat(begun.pieces), partial: true };
  }
}
