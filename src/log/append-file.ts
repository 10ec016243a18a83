import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync, writevSync } from 'node:fs';
import type { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { logError } from './log-errors.ts';

/** A file that nothing is appended to for so long is closed until the next time: most containers are quiet. */
const IDLE_MS = 10_000;

/**
 * A file that only grows, by whole records: what does not fit entirely is taken back. It holds a descriptor only while
 * it is being written.
 */
export class AppendFile implements Disposable {
  readonly #path: string;
  readonly #idle: NodeJS.Timeout;
  #fd: number | undefined;
  #sizeBytes = 0;

  /** Opens or creates it. */
  constructor(path: string, idleMs = IDLE_MS) {
    this.#path = path;
    this.#open();
    this.#idle = setTimeout(() => this.#close(), idleMs).unref();
  }

  /** Valid until the next turn of the event loop. */
  get fd(): number {
    return this.#fd ?? this.#open();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** @throws {EngineError} `exhausted` when the disk is full; nothing of it is in the file then */
  append(...pieces: readonly Buffer[]): void {
    const wanted = pieces.reduce((sum, { length }) => sum + length, 0);
    const { fd } = this;
    this.#idle.refresh();
    try {
      const written = pieces.length === 1 && pieces[0] ? writeSync(fd, pieces[0]) : writevSync(fd, pieces);
      if (written < wanted) this.#writeRest(Buffer.concat(pieces), written);
    } catch (error) {
      this.truncate(this.#sizeBytes);
      throw this.#failure(error);
    }
    this.#sizeBytes += wanted;
  }

  /** Cuts off everything after `sizeBytes`. */
  truncate(sizeBytes: number): void {
    ftruncateSync(this.fd, sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  /** A short write is what a disk does that is nearly full; the next one says why. */
  #writeRest(whole: Buffer, start: number): void {
    for (let written = start; written < whole.length; ) {
      written += writeSync(this.fd, whole, written);
    }
  }

  #failure(cause: unknown): EngineError {
    const subject = this.#path;
    if (isErrno(cause, 'ENOSPC', 'EDQUOT', 'EFBIG')) return logError('log-disk-full', { subject, cause });
    return logError('log-append-failed', { subject, details: { problem: String(cause) }, cause });
  }

  /** Another process may have shortened it meanwhile. */
  #open(): number {
    // It is readable too: its user may have to look for the last whole record.
    const fd = openSync(this.#path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o640);
    this.#fd = fd;
    this.#sizeBytes = fstatSync(fd).size;
    return fd;
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idle);
    this.#close();
  }
}
