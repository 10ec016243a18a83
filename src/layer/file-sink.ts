import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { parseDigest } from '#oci/digest.ts';
import type { BlobInfo } from '#store/content.ts';
import { layerError } from './layer-errors.ts';

const BUFFER_BYTES = 1 << 20;

/** Where an archive is written to: a channel to another thread, or a file. */
export interface TarSink {
  /** Copies `bytes`. */
  write(bytes: Uint8Array): void;
  /** Lets `fill` write up to `lengthBytes` right into a buffer; it returns how many it did, 0 to stop. */
  fill(lengthBytes: number, fill: (chunk: Uint8Array, offset: number, length: number) => number): number;
  flush(): void;
}

/** Writes a file and hashes what it writes: no byte goes through another thread. Blocks: for worker threads. */
export class FileSink implements TarSink, Disposable {
  readonly #fd: number;
  readonly #aborted: Int32Array;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  #writtenBytes = 0;

  /**
   * @param path of an existing file
   * @param aborted whose first number is not 0 once the result is not wanted any more
   */
  constructor(path: string, aborted: Int32Array) {
    this.#fd = openSync(path, 'r+');
    this.#aborted = aborted;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + BUFFER_BYTES - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#advance(part.length);
      at += part.length;
    }
  }

  fill(lengthBytes: number, fill: (chunk: Uint8Array, offset: number, length: number) => number): number {
    let total = 0;
    while (total < lengthBytes) {
      const room = Math.min(lengthBytes - total, BUFFER_BYTES - this.#filled);
      const length = fill(this.#buffer, this.#filled, room);
      if (length === 0) break;
      total += length;
      this.#advance(length);
    }
    return total;
  }

  /** @throws {EngineError} `aborted` */
  flush(): void {
    if (Atomics.load(this.#aborted, 0) !== 0)
      throw layerError('layer-work-given-up', {
        details: { action: 'write archive', problem: 'it was cancelled' },
      });
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    this.#writtenBytes += bytes.length;
    this.#filled = 0;
  }

  /** What was written; the last thing that is asked of it. */
  finish(): BlobInfo {
    this.flush();
    return { digest: parseDigest(`sha256:${this.#hash.digest('hex')}`), sizeBytes: this.#writtenBytes };
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #advance(length: number): void {
    this.#filled += length;
    if (this.#filled === BUFFER_BYTES) this.flush();
  }
}
