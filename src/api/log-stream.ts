import { LineSplitter } from '#log/line-splitter.ts';
import type { LogRecord } from '#log/log.ts';
import { FRAME_HEADER_BYTES, type FrameStream, writeFrameHeader } from '#wire/stdcopy.ts';
import { formatFixedTimestamp } from '#base/timestamps.ts';
import type { Exchange } from './exchange.ts';
import { drained } from './respond.ts';

/** Records below this size are gathered into one write; larger ones go out as they are. */
const GATHER_BYTES = 16 * 1024;
const GATHERED_BYTES = 64 * 1024;

/** Docker's longest message: a line that goes on comes in several. */
const MESSAGE_BYTES = 16 * 1024;

export interface LogFormat {
  /** False without a terminal: each line is a frame, which is what clients take for a message. */
  readonly tty: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
}

/** Sends records as they come, waiting where the client is slow. */
export async function sendLogs(
  exchange: Exchange,
  records: AsyncIterable<LogRecord>,
  format: LogFormat,
): Promise<void> {
  const writer = new LogWriter(exchange, format);
  const splitter = isRaw(format) ? undefined : new LineSplitter(MESSAGE_BYTES);
  for await (const record of records) {
    if (splitter) writer.writeAll(splitter.split(record));
    else writer.write(record);
    if (exchange.response.writableNeedDrain) await drained(exchange);
    if (exchange.response.destroyed) return;
  }
  if (splitter) writer.writeAll(splitter.rest());
  writer.flush();
}

/** Bytes as the terminal showed them: neither framed nor marked, so that it does not matter where lines begin. */
function isRaw({ tty, timestamps, details }: LogFormat): boolean {
  return tty && !timestamps && !details;
}

class LogWriter {
  readonly #exchange: Exchange;
  readonly #format: LogFormat;
  #gathered = Buffer.allocUnsafe(GATHERED_BYTES);
  #length = 0;
  #flushing: NodeJS.Immediate | undefined;

  constructor(exchange: Exchange, format: LogFormat) {
    this.#exchange = exchange;
    this.#format = format;
  }

  writeAll(records: Iterable<LogRecord>): void {
    for (const record of records) this.write(record);
  }

  write(record: LogRecord): void {
    const prefix = this.#prefix(record);
    const length = prefix.length + record.data.length;
    if (length < GATHER_BYTES) this.#gather(record, prefix, length);
    else this.#send(record, prefix, length);
  }

  flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#length === 0) return;
    const lines = this.#gathered.subarray(0, this.#length);
    const keepsBuffer = this.#length < GATHERED_BYTES / 4;
    this.#exchange.response.write(keepsBuffer ? Buffer.from(lines) : lines);
    if (!keepsBuffer) this.#gathered = Buffer.allocUnsafe(GATHERED_BYTES);
    this.#length = 0;
  }

  #prefix({ timeNs }: LogRecord): string {
    const time = this.#format.timestamps ? `${formatFixedTimestamp(timeNs)} ` : '';
    // The attributes that a log driver was told to keep; drivers keep none yet.
    return this.#format.details ? `${time} ` : time;
  }

  #gather({ stream, data }: LogRecord, prefix: string, length: number): void {
    if (this.#length + FRAME_HEADER_BYTES + length > GATHERED_BYTES) this.flush();
    this.#length += this.#writeHeader(this.#gathered, this.#length, stream, length);
    this.#length += this.#gathered.write(prefix, this.#length, 'latin1');
    this.#length += data.copy(this.#gathered, this.#length);
    this.#flushing ??= setImmediate(() => this.flush());
  }

  #send({ stream, data }: LogRecord, prefix: string, length: number): void {
    this.flush();
    const { response } = this.#exchange;
    const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES + prefix.length);
    const headerLength = this.#writeHeader(head, 0, stream, length);
    const headLength = headerLength + head.write(prefix, headerLength, 'latin1');
    response.cork();
    if (headLength > 0) response.write(head.subarray(0, headLength));
    response.write(data);
    response.uncork();
  }

  #writeHeader(target: Buffer, offset: number, stream: FrameStream, length: number): number {
    if (this.#format.tty) return 0;
    writeFrameHeader(target, offset, stream, length);
    return FRAME_HEADER_BYTES;
  }
}
