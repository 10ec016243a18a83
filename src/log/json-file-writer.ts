import { createReadStream, createWriteStream, existsSync, readSync, renameSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { AppendFile } from './append-file.ts';
import type { Retention } from './driver-options.ts';
import { JsonEncoder } from './json-encoder.ts';
import type { JsonFileSet } from './json-file-set.ts';
import type { LogFeed } from './log-feed.ts';
import type { LogRecord, LogWriter } from './log.ts';

const NEWLINE = 10;
const BLOCK_BYTES = 64 * 1024;

export class JsonFileWriter implements LogWriter {
  readonly #files: JsonFileSet;
  readonly #retention: Retention;
  readonly #feed: LogFeed;
  readonly #encoder: JsonEncoder;
  #file: AppendFile;

  constructor(
    files: JsonFileSet,
    retention: Retention,
    feed: LogFeed,
    attributes: Readonly<Record<string, string>> | undefined,
  ) {
    this.#files = files;
    this.#retention = retention;
    this.#feed = feed;
    this.#encoder = new JsonEncoder(attributes);
    this.#file = new AppendFile(files.path);
    forgetTornEntry(this.#file);
    feed.opened();
  }

  append(record: LogRecord): void {
    const { maxSizeBytes } = this.#retention;
    const isFull = (pending: number) => this.#file.sizeBytes + pending >= maxSizeBytes;
    this.#encoder.encode(
      record,
      (entries) => this.#write(entries),
      maxSizeBytes === Infinity ? undefined : isFull,
    );
    this.#feed.changed();
  }

  #write(entries: Buffer): void {
    if (this.#file.sizeBytes >= this.#retention.maxSizeBytes) this.#rotate();
    this.#file.append(entries);
  }

  #rotate(): void {
    const finished = this.#files.current;
    this.#files.rotate(this.#retention.maxFiles);
    const file = new AppendFile(this.#files.path);
    this.#file[Symbol.dispose]();
    this.#file = file;
    if (this.#retention.compress) void compress(this.#files, finished);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    this.#feed.closed();
  }
}

/** A crash may have left the beginning of an entry at the end. */
function forgetTornEntry(file: AppendFile): void {
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  for (let end = file.sizeBytes; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const length = readSync(file.fd, block, 0, end - start, start);
    const newline = block.subarray(0, length).lastIndexOf(NEWLINE);
    if (newline >= 0 || start === 0) {
      const valid = start + newline + 1;
      if (valid < file.sizeBytes) file.truncate(valid);
      return;
    }
    end = start;
  }
}

/**
 * Replaces a rotated file by its compressed form, whatever it is called by then. If that fails it stays as it is,
 * which loses nothing.
 */
async function compress(files: JsonFileSet, number: number): Promise<void> {
  const temporary = `${files.path}.compressing-${number}`;
  try {
    await pipeline(
      createReadStream(files.pathOf(number)),
      createGzip(),
      createWriteStream(temporary, { mode: 0o640 }),
    );
    const path = files.pathOf(number);
    if (!existsSync(path)) return;
    renameSync(temporary, `${path}.gz`);
    rmSync(path, { force: true });
  } catch {
    // Removed meanwhile, or the disk is full.
  } finally {
    rmSync(temporary, { force: true });
  }
}
