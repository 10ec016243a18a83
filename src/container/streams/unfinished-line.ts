/**
 * The beginning of a line that a process has printed, while its end is awaited: it is in no log yet, and a daemon that
 * is killed must not take it along. It is kept in a file beside the process, in the kernel's memory.
 *
 * The file: the length of the text (0: none, 8 bytes, little endian), the time when the line began (8 bytes, in
 * nanoseconds), the text. The length is written last.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '#linux/errno.ts';
import type { ContainerLog, OutputStream } from '#log/log.ts';
import { nowNs } from '#base/clock.ts';

const HEAD_BYTES = 16;
const TIME_OFFSET = 8;

/** Where a stream's unfinished line is kept; failures are ignored, since the line is in memory as well. */
export class UnfinishedLine {
  readonly #path: string;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #fd: number | undefined;

  constructor(directory: string, stream: OutputStream) {
    this.#path = pathIn(directory, stream);
  }

  /** Keeps a further part of the line, which has `before` bytes already. */
  append(part: Buffer, before: number): void {
    this.#write((fd) => {
      if (before === 0) this.#head.writeBigUInt64LE(nowNs(), TIME_OFFSET);
      writeSync(fd, part, 0, part.length, HEAD_BYTES + before);
      this.#head.writeBigUInt64LE(BigInt(before + part.length));
      writeSync(fd, this.#head, 0, before === 0 ? HEAD_BYTES : TIME_OFFSET, 0);
    });
  }

  /** The line is in the log. */
  clear(): void {
    this.#write((fd) => {
      this.#head.writeBigUInt64LE(0n);
      writeSync(fd, this.#head, 0, TIME_OFFSET, 0);
    });
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #write(work: (fd: number) => void): void {
    try {
      this.#fd ??= openSync(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o600);
      work(this.#fd);
    } catch {
      // See above.
    }
  }
}

/** What a former daemon has left of the lines of a process. */
export type LeftLines = ReadonlyMap<OutputStream, Buffer>;

/** A line that is in the log by now is not taken twice: the daemon may have been killed right after writing it. */
export async function readUnfinishedLines(
  directory: string,
  openLog: () => ContainerLog,
): Promise<LeftLines> {
  const left = new Map<OutputStream, Buffer>();
  for (const stream of ['stdout', 'stderr'] as const) {
    const line = readLine(pathIn(directory, stream));
    if (line && (await lastTime(openLog(), stream)) <= line.beganNs) left.set(stream, line.text);
  }
  return left;
}

function pathIn(directory: string, stream: OutputStream): string {
  return join(directory, `unfinished-${stream}`);
}

function readLine(path: string): { readonly beganNs: bigint; readonly text: Buffer } | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length < HEAD_BYTES) return undefined;
    const text = bytes.subarray(HEAD_BYTES, HEAD_BYTES + Number(bytes.readBigUInt64LE()));
    return text.length > 0 ? { beganNs: bytes.readBigUInt64LE(TIME_OFFSET), text } : undefined;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Of the last record of a stream; 0 where there is none, or none that can be read. */
async function lastTime(log: ContainerLog, stream: OutputStream): Promise<bigint> {
  let last = 0n;
  try {
    const records = log.read({ streams: [stream], tail: 1, follow: false, perLine: false });
    for await (const { timeNs } of records) last = timeNs;
  } catch {
    // What cannot be read has no line twice.
  }
  return last;
}
