import { unlinkSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { AppendFile } from './append-file.ts';
import type { Retention } from './driver-options.ts';
import { encodeFrame, HEADER_BYTES, SEGMENT_MAGIC, TRAILER_BYTES } from './local-format.ts';
import { listSegments, segmentPath, validLength } from './local-segments.ts';
import type { LogFeed } from './log-feed.ts';
import type { LogRecord, LogWriter } from './log.ts';

/**
 * Appends to the newest segment, begins the next when it is full, removes the oldest when there are too many. Nothing
 * is looked at before the first record comes.
 */
export class LocalWriter implements LogWriter {
  readonly #directory: string;
  readonly #retention: Retention;
  readonly #feed: LogFeed;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  readonly #trailer = Buffer.alloc(TRAILER_BYTES);
  #numbers: number[] = [];
  #file: AppendFile | undefined;

  constructor(directory: string, retention: Retention, feed: LogFeed) {
    this.#directory = directory;
    this.#retention = retention;
    this.#feed = feed;
    feed.opened();
  }

  append(record: LogRecord): void {
    const size = HEADER_BYTES + record.data.length + TRAILER_BYTES;
    let file = this.#file ?? this.#openNewest();
    const used = file.sizeBytes;
    if (used > SEGMENT_MAGIC.length && used + size > this.#retention.maxSizeBytes) file = this.#rotate(file);
    encodeFrame(record, this.#header, this.#trailer);
    file.append(this.#header, record.data, this.#trailer);
    this.#feed.changed();
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#feed.closed();
  }

  #openNewest(): AppendFile {
    const numbers = listSegments(this.#directory);
    if (numbers.length === 0) numbers.push(1);
    const file = this.#open(numbers.at(-1) ?? 1);
    this.#numbers = numbers;
    this.#file = file;
    return file;
  }

  #open(number: number): AppendFile {
    const file = new AppendFile(segmentPath(this.#directory, number));
    const valid = file.sizeBytes === 0 ? 0 : validLength(file.fd, file.sizeBytes);
    if (valid < file.sizeBytes) file.truncate(valid);
    if (valid === 0) file.append(SEGMENT_MAGIC);
    return file;
  }

  #rotate(full: AppendFile): AppendFile {
    const next = (this.#numbers.at(-1) ?? 0) + 1;
    const file = this.#open(next);
    full[Symbol.dispose]();
    this.#file = file;
    this.#numbers.push(next);
    while (this.#numbers.length > this.#retention.maxFiles) this.#remove(this.#numbers.shift() ?? 0);
    return file;
  }

  #remove(number: number): void {
    unlessErrno(() => unlinkSync(segmentPath(this.#directory, number)), 'ENOENT');
  }
}
