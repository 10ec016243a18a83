/** One blob in the making: in memory while it is small, then a file that a worker writes and hashes. */
import { createHash } from 'node:crypto';
import { closeSync, constants, ftruncateSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import type { EngineError } from '#base/errors.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { newProgress, tellEnd } from './arriving-file.ts';
import type { BlobPool } from './blob-pool.ts';
import type { ArrivingFile, BlobInfo, ContentWriter, WriteOptions } from './content.ts';
import { diskError, syncData, unlinkIfThere } from './disk.ts';
import type { BlobSink } from './pooled-sink.ts';
import { storeError } from './store-errors.ts';

/** Up to here, hashing in place costs less than handing over. */
const INLINE_BYTES = 64 * 1024;

/** Where a writer's bytes lie and where they go. */
export interface WriterPlace {
  readonly reference: string;
  /** The unfinished file. */
  readonly ingestPath: string;
  blobPath(digest: Digest): string;
  /** Makes a new name among the blobs durable. */
  syncBlobs(): Promise<void>;
  /** The writer is done with its reference. */
  released(): void;
}

type Phase = 'open' | 'committed' | 'discarded';

export class FileContentWriter implements ContentWriter {
  readonly #place: WriterPlace;
  readonly #pool: BlobPool;
  readonly #options: WriteOptions;
  #phase: Phase = 'open';
  /** What was written can only be thrown away. */
  #isDamaged = false;
  #small: Buffer[] = [];
  #fd: number | undefined;
  #sink: BlobSink | undefined;
  readonly #progress: BigInt64Array | undefined;
  #offset: number;

  constructor(place: WriterPlace, pool: BlobPool, options: WriteOptions) {
    this.#place = place;
    this.#pool = pool;
    this.#options = options;
    this.#offset = options.resumable ? sizeOf(place.ingestPath) : 0;
    if (options.followed) this.#progress = newProgress(this.#offset);
    if (this.#offset > 0 || options.followed) this.#spill(this.#offset);
  }

  get offset(): number {
    return this.#offset;
  }

  get arriving(): ArrivingFile | undefined {
    return this.#progress && { path: this.#place.ingestPath, progress: this.#progress };
  }

  async write(chunk: Buffer): Promise<void> {
    this.#assertOpen();
    this.#options.signal?.throwIfAborted();
    const { maximumBytes = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#offset + chunk.length > maximumBytes) throw this.#refusal(`larger than ${maximumBytes} bytes`);
    this.#offset += chunk.length;
    await this.#orDiskError(() => this.#append(chunk));
  }

  async commit(expected: { readonly sizeBytes?: number; readonly digest?: Digest } = {}): Promise<BlobInfo> {
    this.#assertOpen();
    if (expected.sizeBytes !== undefined && expected.sizeBytes !== this.#offset) {
      // What is too long never becomes right.
      this.#isDamaged ||= this.#offset > expected.sizeBytes;
      throw this.#refusal(`${this.#offset} bytes where ${expected.sizeBytes} were expected`);
    }
    const info = await this.#orDiskError(() => this.#finish(expected.digest));
    this.#phase = 'committed';
    this.#place.released();
    return info;
  }

  async discard(): Promise<void> {
    this.#isDamaged = true;
    await this[Symbol.asyncDispose]();
  }

  /** Discards what was not committed; a resumable writer keeps it for the next. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#phase !== 'open') return;
    this.#phase = 'discarded';
    try {
      await this.#abandon();
    } finally {
      this.#tellEnd();
      this.#place.released();
    }
  }

  async #append(chunk: Buffer): Promise<void> {
    if (this.#sink) return this.#sink.write(chunk);
    // It is the caller's again, and this is little.
    this.#small.push(Buffer.from(chunk));
    if (this.#offset <= INLINE_BYTES) return;
    const chunks = this.#small;
    this.#small = [];
    const sink = this.#spill(0);
    for (const each of chunks) await sink.write(each);
  }

  /** Hands the bytes to a file and a worker from here on. */
  #spill(offset: number): BlobSink {
    const fd = this.#open();
    this.#sink = this.#pool.open(fd, offset, this.#progress);
    return this.#sink;
  }

  #open(): number {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    this.#fd = openSync(this.#place.ingestPath, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    return this.#fd;
  }

  async #finish(expected: Digest | undefined): Promise<BlobInfo> {
    const digest = this.#sink ? parseDigest(`sha256:${await this.#sink.finish()}`) : hashAll(this.#small);
    if (expected && digest !== expected) {
      this.#isDamaged = true;
      throw this.#refusal(`its digest is ${digest}, not ${expected}`);
    }
    this.#options.lease?.protect(digest);
    const path = this.#place.blobPath(digest);
    if (isThere(path)) await this.#drop();
    else await this.#publish(path);
    return { digest, sizeBytes: this.#offset };
  }

  /** Data first, then the name, then the directory: a name never means missing bytes. */
  async #publish(path: string): Promise<void> {
    const fd = this.#fd ?? this.#open();
    if (!this.#sink) writeAll(fd, this.#small);
    await syncData(fd);
    renameSync(this.#place.ingestPath, path);
    this.#close();
    await this.#place.syncBlobs();
  }

  async #drop(): Promise<void> {
    this.#close();
    unlinkIfThere(this.#place.ingestPath);
    await this.#place.syncBlobs();
  }

  async #abandon(): Promise<void> {
    await this.#sink?.abandon();
    const isKept = this.#options.resumable && !this.#isDamaged;
    if (isKept) this.#keep();
    this.#close();
    if (!isKept) unlinkIfThere(this.#place.ingestPath);
  }

  #keep(): void {
    if (this.#sink || this.#small.length === 0) return;
    writeAll(this.#open(), this.#small);
  }

  /** Readers that wait for more are released. */
  #tellEnd(): void {
    if (this.#progress) tellEnd(this.#progress);
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #assertOpen(): void {
    if (this.#phase !== 'open') throw this.#refusal(`it is ${this.#phase} already`, 'blob-write-refused');
  }

  #refusal(problem: string, reason: 'blob-rejected' | 'blob-write-refused' = 'blob-rejected'): EngineError {
    return storeError(reason, { subject: this.#place.reference, details: { problem } });
  }

  async #orDiskError<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw diskError(error, `blob ${this.#place.reference}`);
    }
  }
}

function hashAll(chunks: readonly Buffer[]): Digest {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return parseDigest(`sha256:${hash.digest('hex')}`);
}

/** Replaces what the file held. */
function writeAll(fd: number, chunks: readonly Buffer[]): void {
  ftruncateSync(fd);
  const data = Buffer.concat(chunks);
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at, at);
}

function sizeOf(path: string): number {
  return unlessErrno(() => statSync(path).size, 'ENOENT') ?? 0;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
