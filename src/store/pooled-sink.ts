import type { BlobAnswer, BlobJob } from './blob-worker.ts';
import { storeError } from './store-errors.ts';

const SEGMENTS_PER_SINK = 2;

/** Appends to one file and hashes it; not for concurrent calls. */
export interface BlobSink {
  /** Copies `chunk`; resolves when more may be written. Rejects with an earlier chunk's error. */
  write(chunk: Buffer): Promise<void>;
  /** Waits for everything written; the sha256 of the whole file in hexadecimal. The descriptor stays the caller's. */
  finish(): Promise<string>;
  /** Waits until everything is written and the worker has released the descriptor. */
  abandon(): Promise<void>;
}

/** What a sink appends to. */
export interface SinkFile {
  readonly fd: number;
  /** Bytes that it holds already. */
  readonly offset: number;
  /** See `ArrivingFile`. */
  readonly progress: BigInt64Array | undefined;
}

/** Shared memory that chunks travel in. */
export interface Segments {
  take(): Uint8Array;
  release(segments: readonly Uint8Array[]): void;
}

/** A sink whose bytes a worker writes and hashes: while it does one segment, the other is filled. */
export class PooledSink implements BlobSink {
  readonly #job: number;
  readonly #send: (message: BlobJob) => Promise<BlobAnswer>;
  readonly #segments: Segments;
  readonly #idle: Uint8Array[] = [];
  readonly #inFlight: Promise<void>[] = [];
  #filling: Uint8Array | undefined;
  #filled = 0;
  #owned = 0;
  #error: unknown;
  #closed = false;

  constructor(
    job: number,
    file: SinkFile,
    send: (message: BlobJob) => Promise<BlobAnswer>,
    segments: Segments,
  ) {
    this.#job = job;
    this.#send = send;
    this.#segments = segments;
    this.#track({ kind: 'begin', job, ...file });
  }

  async write(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const segment = this.#filling ?? (await this.#freeSegment());
      this.#throwIfFailed();
      const part = chunk.subarray(at, at + segment.length - this.#filled);
      segment.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === segment.length) this.#flush(segment);
    }
  }

  async finish(): Promise<string> {
    if (this.#filling) this.#flush(this.#filling);
    await this.#drain();
    this.#throwIfFailed();
    const { hex } = successOf(await this.#close('finish'));
    if (hex === undefined) throw storeError('blob-not-hashed');
    return hex;
  }

  async abandon(): Promise<void> {
    if (this.#closed) return;
    if (this.#filling) this.#flush(this.#filling);
    await this.#drain();
    await this.#close('abandon').catch(() => undefined);
  }

  async #close(kind: 'finish' | 'abandon'): Promise<BlobAnswer> {
    this.#closed = true;
    try {
      return await this.#send({ kind, job: this.#job });
    } finally {
      this.#segments.release(this.#idle.splice(0));
    }
  }

  async #freeSegment(): Promise<Uint8Array> {
    let segment = this.#idle.pop();
    if (!segment && this.#owned < SEGMENTS_PER_SINK) {
      segment = this.#segments.take();
      this.#owned++;
    }
    while (!segment) {
      await this.#inFlight[0];
      segment = this.#idle.pop();
    }
    this.#filling = segment;
    this.#filled = 0;
    return segment;
  }

  #flush(data: Uint8Array): void {
    this.#filling = undefined;
    this.#track({ kind: 'append', job: this.#job, data, lengthBytes: this.#filled }, data);
  }

  /** Sends; the segment is free again, and a failure known, once it is answered. */
  #track(message: BlobJob, segment?: Uint8Array): void {
    this.#inFlight.push(this.#answered(message, segment));
  }

  async #answered(message: BlobJob, segment: Uint8Array | undefined): Promise<void> {
    try {
      successOf(await this.#send(message));
    } catch (error) {
      this.#error ??= error;
    }
    if (segment) this.#idle.push(segment);
    void this.#inFlight.shift();
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  #throwIfFailed(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}

function successOf(answer: BlobAnswer): { readonly hex?: string } {
  if ('error' in answer) throw Object.assign(new Error(answer.error), { code: answer.code });
  return answer;
}
