import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { tellProgress } from './arriving-file.ts';
import type { BlobSink, SinkFile } from './pooled-sink.ts';

/** What is hashed in place has to be hashed again by the worker, so that it must stay little. */
const MAXIMUM_INLINE_BYTES = 8 * 1024 * 1024;

export interface StartingWorker {
  isReady(): boolean;
  /** A sink of the worker for the file that holds `offset` bytes already. */
  handOver(offset: number): BlobSink;
  /** The worker is not needed after all. */
  release(): void;
}

/** Writes and hashes in place until its worker has started: the first blob need not wait for a thread. */
export class StartingSink implements BlobSink {
  readonly #fd: number;
  readonly #progress: BigInt64Array | undefined;
  readonly #worker: StartingWorker;
  readonly #hash = createHash('sha256');
  #offset = 0;
  #sink: BlobSink | undefined;
  #isReleased = false;

  constructor({ fd, progress }: Omit<SinkFile, 'offset'>, worker: StartingWorker) {
    this.#fd = fd;
    this.#progress = progress;
    this.#worker = worker;
  }

  async write(chunk: Buffer): Promise<void> {
    if (!this.#sink && (this.#worker.isReady() || this.#offset + chunk.length > MAXIMUM_INLINE_BYTES))
      this.#sink = this.#worker.handOver(this.#offset);
    if (this.#sink) await this.#sink.write(chunk);
    else this.#append(chunk);
  }

  async finish(): Promise<string> {
    if (this.#sink) return await this.#sink.finish();
    this.#release();
    return this.#hash.digest('hex');
  }

  async abandon(): Promise<void> {
    if (this.#sink) await this.#sink.abandon();
    else this.#release();
  }

  #append(chunk: Buffer): void {
    this.#hash.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const written = writeSync(this.#fd, chunk, at, chunk.length - at, this.#offset);
      at += written;
      this.#offset += written;
    }
    if (this.#progress) tellProgress(this.#progress, this.#offset);
  }

  #release(): void {
    if (!this.#isReleased) this.#worker.release();
    this.#isReleased = true;
  }
}
