import { fstatSync, openSync, read, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { unlessErrno } from '#base/errno.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { JsonDecoder } from './json-decoder.ts';
import type { LogRecord } from './log.ts';
import type { SegmentReader } from './segments.ts';

const readAsync = promisify(read);
const gunzipAsync = promisify(gunzip);
const NEWLINE = 10;
const BLOCK_BYTES = 1 << 20;

/** Bytes at any offset: an open file, or a compressed one in memory. */
interface ByteSource extends Disposable {
  size(): number;
  readSync(offset: number, length: number): Buffer;
  read(offset: number, length: number): Promise<Buffer>;
}

/**
 * @param merge joins entries of one stream that follow one another; not for readers that look at the time of each
 */
export async function openJsonSegment(path: string, merge: boolean): Promise<SegmentReader | undefined> {
  const source = openPlain(path) ?? (await openCompressed(`${path}.gz`));
  return source && new JsonSegmentReader(source, merge);
}

function openPlain(path: string): ByteSource | undefined {
  return unlessErrno(() => new FileBytes(ownFd(openSync(path, 'r'))), 'ENOENT');
}

/** Rotated files are bounded by `max-size`. */
async function openCompressed(path: string): Promise<ByteSource | undefined> {
  try {
    return new MemoryBytes(await gunzipAsync(await readFile(path)));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

class FileBytes implements ByteSource {
  readonly #file: OwnedFd;

  constructor(file: OwnedFd) {
    this.#file = file;
  }

  size(): number {
    return fstatSync(this.#file.fd).size;
  }

  readSync(offset: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafeSlow(length);
    return buffer.subarray(0, readSync(this.#file.fd, buffer, 0, length, offset));
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await readAsync(this.#file.fd, buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

class MemoryBytes implements ByteSource {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  size(): number {
    return this.#bytes.length;
  }

  readSync(offset: number, length: number): Buffer {
    return this.#bytes.subarray(offset, offset + length);
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return this.readSync(offset, length);
  }

  [Symbol.dispose](): void {}
}

class JsonSegmentReader implements SegmentReader {
  readonly #source: ByteSource;
  readonly #merge: boolean;
  #position = 0;

  constructor(source: ByteSource, merge: boolean) {
    this.#source = source;
    this.#merge = merge;
  }

  async read(): Promise<readonly LogRecord[]> {
    for (;;) {
      const block = await this.#readEntries();
      if (block.length === 0) return [];
      this.#position += block.length;
      const decoder = new JsonDecoder(block);
      const records = this.#merge ? decoder.merged() : Array.from(decoder.entries(), ({ record }) => record);
      if (records.length > 0) return records;
    }
  }

  /** Whole lines, at most some 1 MB of them, or one that is longer. */
  async #readEntries(): Promise<Buffer> {
    for (let length = BLOCK_BYTES; ; length *= 2) {
      const block = await this.#source.read(this.#position, length);
      const end = block.lastIndexOf(NEWLINE) + 1;
      if (end > 0 || block.length < length) return block.subarray(0, end);
    }
  }

  *backward(): Iterable<{ readonly position: number; readonly record: LogRecord }> {
    let end = this.#position;
    for (let length = BLOCK_BYTES; end > 0; ) {
      const start = Math.max(0, end - length);
      const block = this.#source.readSync(start, end - start);
      // The first line may have begun before the block.
      const skip = start === 0 ? 0 : block.indexOf(NEWLINE) + 1;
      if (start > 0 && (skip === 0 || skip === block.length)) {
        length *= 2;
        continue;
      }
      const entries = [...new JsonDecoder(block.subarray(skip)).entries()].toReversed();
      for (const { offset, record } of entries) yield { position: start + skip + offset, record };
      end = start + skip;
    }
  }

  seek(position: number): void {
    this.#position = position;
  }

  seekEnd(): void {
    const size = this.#source.size();
    for (let length = BLOCK_BYTES; ; length *= 2) {
      const start = Math.max(0, size - length);
      const newline = this.#source.readSync(start, size - start).lastIndexOf(NEWLINE);
      if (newline < 0 && start > 0) continue;
      this.#position = start + newline + 1;
      return;
    }
  }

  /** Halves the part in which the first entry of that time must be, until it is short. */
  seekTime(timeNs: bigint): void {
    let low = 0;
    let high = this.#source.size();
    while (high - low > BLOCK_BYTES) {
      const middle = low + Math.trunc((high - low) / 2);
      const found = this.#firstEntryAfter(middle);
      if (found === undefined || found.timeNs >= timeNs) high = middle;
      else low = found.position;
    }
    this.#position = low;
  }

  firstTime(): bigint | undefined {
    const block = this.#source.readSync(0, BLOCK_BYTES / 8);
    const [first] = new JsonDecoder(block.subarray(0, block.lastIndexOf(NEWLINE) + 1)).entries().take(1);
    return first?.record.timeNs;
  }

  #firstEntryAfter(offset: number): { readonly position: number; readonly timeNs: bigint } | undefined {
    const block = this.#source.readSync(offset, BLOCK_BYTES / 4);
    const start = block.indexOf(NEWLINE) + 1;
    const end = block.lastIndexOf(NEWLINE) + 1;
    if (start === 0 || start === end) return undefined;
    const [first] = new JsonDecoder(block.subarray(start, end)).entries().take(1);
    return first && { position: offset + start + first.offset, timeNs: first.record.timeNs };
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }
}
