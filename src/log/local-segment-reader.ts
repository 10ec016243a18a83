import { fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { unlessErrno } from '#base/errno.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { decodeFrame, frameSize, HEADER_BYTES, isWhole, SEGMENT_MAGIC } from './local-format.ts';
import { segmentPath, validLength, walkBackward } from './local-segments.ts';
import type { LogRecord } from './log.ts';
import type { SegmentReader } from './segments.ts';

const readAsync = promisify(read);
const BLOCK_BYTES = 1 << 20;

export function openLocalSegment(directory: string, number: number): SegmentReader | undefined {
  return unlessErrno(
    () => new LocalSegmentReader(ownFd(openSync(segmentPath(directory, number), 'r'))),
    'ENOENT',
  );
}

/** Hands the records out as they stand in the file: views of the blocks that were read. */
class LocalSegmentReader implements SegmentReader {
  readonly #file: OwnedFd;
  #position = SEGMENT_MAGIC.length;

  constructor(file: OwnedFd) {
    this.#file = file;
  }

  async read(): Promise<readonly LogRecord[]> {
    let block = await this.#readBlock(BLOCK_BYTES);
    const firstSize = frameSize(block, 0);
    if (firstSize !== undefined && firstSize > BLOCK_BYTES) block = await this.#readBlock(firstSize);
    const records: LogRecord[] = [];
    let end = 0;
    for (let size = frameSize(block, end); size !== undefined; size = frameSize(block, end)) {
      if (!isWhole(block, end, size)) break;
      records.push(decodeFrame(block, end, size));
      end += size;
    }
    this.#position += end;
    return records;
  }

  async #readBlock(length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await readAsync(this.#file.fd, buffer, 0, length, this.#position);
    return buffer.subarray(0, bytesRead);
  }

  *backward(): Iterable<{ readonly position: number; readonly record: LogRecord }> {
    for (const { offset, buffer, start, size } of walkBackward(this.#file.fd, this.#position)) {
      yield { position: offset, record: decodeFrame(buffer, start, size) };
    }
  }

  seek(position: number): void {
    this.#position = position;
  }

  seekEnd(): void {
    const { fd } = this.#file;
    this.#position = Math.max(validLength(fd, fstatSync(fd).size), SEGMENT_MAGIC.length);
  }

  /** Segments are small enough to be read through. */
  seekTime(): void {
    this.#position = SEGMENT_MAGIC.length;
  }

  firstTime(): bigint | undefined {
    const header = Buffer.alloc(HEADER_BYTES);
    const length = readSync(this.#file.fd, header, 0, HEADER_BYTES, SEGMENT_MAGIC.length);
    return length === HEADER_BYTES ? header.readBigUInt64LE(8) : undefined;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
