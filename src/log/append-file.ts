import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync, writevSync } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';

/** A file that only grows, by whole records: what does not fit entirely is taken back. */
export class AppendFile implements Disposable {
  readonly fd: number;
  readonly #path: string;
  #sizeBytes: number;

  /** Opens or creates it. */
  constructor(path: string) {
    this.#path = path;
    // Readable too: who opens it may have to look for its last whole record.
    this.fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o640);
    this.#sizeBytes = fstatSync(this.fd).size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** @throws {EngineError} `exhausted` when the disk is full; nothing of it is in the file then */
  append(...pieces: readonly Buffer[]): void {
    const wanted = pieces.reduce((sum, { length }) => sum + length, 0);
    try {
      const written =
        pieces.length === 1 && pieces[0] ? writeSync(this.fd, pieces[0]) : writevSync(this.fd, pieces);
      if (written < wanted) this.#writeRest(Buffer.concat(pieces), written);
    } catch (error) {
      this.truncate(this.#sizeBytes);
      throw this.#failure(error);
    }
    this.#sizeBytes += wanted;
  }

  /** Forgets everything after `sizeBytes`. */
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
    const full = isErrno(cause, 'ENOSPC', 'EDQUOT', 'EFBIG');
    const reason = full ? 'no space left on device' : String(cause);
    return new EngineError(full ? 'exhausted' : 'internal', `Cannot append to log ${this.#path}: ${reason}`, {
      cause,
    });
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
