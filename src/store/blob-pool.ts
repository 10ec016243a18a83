/**
 * Writes and hashes large blobs on worker threads: the event loop only copies bytes into shared memory.
 *
 * Each sink belongs to one worker for its life; workers start when first needed, one a core at most, and do not
 * keep the process alive.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { EngineError } from '#base/errors.ts';
import type { BlobAnswer, BlobJob } from './blob-worker.ts';
import { StartingSink } from './starting-sink.ts';

const SEGMENT_BYTES = 512 * 1024;
const SEGMENTS_PER_SINK = 2;
const MAXIMUM_FREE_SEGMENTS = 8;
const MAXIMUM_WORKERS = 4;

interface Answering {
  readonly resolve: (answer: BlobAnswer) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly worker: Worker;
  sinks: number;
  /** False while the thread starts, which takes tens of milliseconds. */
  isReady: boolean;
  /** Why the thread is gone. */
  failure: unknown;
  /** In the order of the messages sent: the worker answers in that order. */
  readonly waiting: Answering[];
}

/** Appends to one file and hashes it; not for concurrent calls. */
export interface BlobSink {
  /** Copies `chunk`; resolves when more may be written. Rejects with an earlier chunk's error. */
  write(chunk: Buffer): Promise<void>;
  /** Waits for everything written; the sha256 of the whole file in hexadecimal. The descriptor stays the caller's. */
  finish(): Promise<string>;
  /** Waits until everything is written and the worker has let go of the descriptor. */
  abandon(): Promise<void>;
}

export class BlobPool implements AsyncDisposable {
  readonly #lanes: Lane[] = [];
  readonly #maximumWorkers: number;
  readonly #freeSegments: Uint8Array[] = [];
  #lastJob = 0;

  constructor(maximumWorkers = Math.min(availableParallelism(), MAXIMUM_WORKERS)) {
    this.#maximumWorkers = maximumWorkers;
  }

  /** @param offset bytes that the file holds already; they are hashed first */
  open(fd: number, offset: number): BlobSink {
    const lane = this.#pickLane();
    const handOver = (from: number) => this.#openOn(lane, fd, from);
    if (lane.isReady || offset > 0) return handOver(offset);
    return new StartingSink(fd, { isReady: () => lane.isReady, handOver, release: () => lane.sinks-- });
  }

  #openOn(lane: Lane, fd: number, offset: number): BlobSink {
    const job = ++this.#lastJob;
    const send = (message: BlobJob) => ask(lane, message);
    return new PooledSink(job, fd, offset, send, {
      take: () => this.#freeSegments.pop() ?? new Uint8Array(new SharedArrayBuffer(SEGMENT_BYTES)),
      release: (segments) => {
        this.#freeSegments.push(...segments.slice(0, MAXIMUM_FREE_SEGMENTS - this.#freeSegments.length));
        lane.sinks--;
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.splice(0).map(({ worker }) => worker.terminate()));
  }

  /** An idle worker, a new one while there may be more, or the one with the fewest sinks. */
  #pickLane(): Lane {
    const [least] = this.#lanes.toSorted((a, b) => a.sinks - b.sinks);
    const lane =
      least && (least.sinks === 0 || this.#lanes.length >= this.#maximumWorkers) ? least : this.#start();
    lane.sinks++;
    return lane;
  }

  #start(): Lane {
    const worker = new Worker(new URL('blob-worker.ts', import.meta.url), { execArgv: [] });
    const lane: Lane = { worker, sinks: 0, isReady: false, failure: undefined, waiting: [] };
    worker.on('message', (answer: BlobAnswer) => lane.waiting.shift()?.resolve(answer));
    worker.once('online', () => {
      lane.isReady = true;
    });
    worker.once('error', (error) => this.#lost(lane, error));
    worker.once('exit', () =>
      this.#lost(lane, new EngineError('aborted', 'Cannot write blob: the store is closed')),
    );
    worker.unref();
    this.#lanes.push(lane);
    return lane;
  }

  #lost(lane: Lane, error: unknown): void {
    lane.failure ??= error;
    const index = this.#lanes.indexOf(lane);
    if (index >= 0) this.#lanes.splice(index, 1);
    for (const { reject } of lane.waiting.splice(0)) reject(error);
  }
}

/** A worker is kept alive by the process only while an answer is due. */
function ask(lane: Lane, message: BlobJob): Promise<BlobAnswer> {
  if (lane.failure !== undefined) return Promise.reject(lane.failure);
  if (lane.waiting.length === 0) lane.worker.ref();
  const { promise, resolve, reject } = Promise.withResolvers<BlobAnswer>();
  const settle = () => {
    if (lane.waiting.length === 0) lane.worker.unref();
  };
  lane.waiting.push({
    resolve: (answer) => {
      settle();
      resolve(answer);
    },
    reject,
  });
  lane.worker.postMessage(message, []);
  return promise;
}

interface Segments {
  take(): Uint8Array;
  release(segments: readonly Uint8Array[]): void;
}

class PooledSink implements BlobSink {
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
    fd: number,
    offset: number,
    send: (message: BlobJob) => Promise<BlobAnswer>,
    segments: Segments,
  ) {
    this.#job = job;
    this.#send = send;
    this.#segments = segments;
    this.#track({ kind: 'begin', job, fd, offset });
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
    if (hex === undefined) throw new EngineError('internal', 'Cannot hash blob: the worker gave no digest');
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
