/**
 * Writes and hashes large blobs on worker threads: the event loop only copies bytes into shared memory.
 *
 * Each sink belongs to one worker for its life. Workers start when first needed, for every second core at most, since
 * one hashes faster than networks are; they stop when idle, and do not keep the process alive.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerModule } from '#base/worker-module.ts';
import type { BlobAnswer, BlobJob } from './blob-worker.ts';
import { type BlobSink, PooledSink, type SinkFile } from './pooled-sink.ts';
import { StartingSink } from './starting-sink.ts';
import { storeError } from './store-errors.ts';

const SEGMENT_BYTES = 512 * 1024;
const MAXIMUM_FREE_SEGMENTS = 8;
const WORKERS = Math.min(Math.ceil(availableParallelism() / 2), 4);
const IDLE_MS = 10_000;

interface Answering {
  readonly resolve: (answer: BlobAnswer) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly worker: Worker;
  sinks: number;
  /** Stops the thread; runs while there are no sinks. */
  idle: NodeJS.Timeout | undefined;
  /** False while the thread starts, which takes tens of milliseconds. */
  isReady: boolean;
  /** Why the thread is gone. */
  failure: unknown;
  /** Calls in the order of their messages, in which the worker answers. */
  readonly waiting: Answering[];
}

export class BlobPool implements AsyncDisposable {
  readonly #lanes: Lane[] = [];
  readonly #freeSegments: Uint8Array[] = [];
  #lastJob = 0;

  /**
   * @param offset bytes that the file holds already; they are hashed first
   * @param progress told what the file holds, see `ArrivingFile`
   */
  open(fd: number, offset: number, progress?: BigInt64Array): BlobSink {
    const lane = this.#pickLane();
    const handOver = (from: number) => this.#openOn(lane, { fd, offset: from, progress });
    if (lane.isReady || offset > 0) return handOver(offset);
    return new StartingSink(
      { fd, progress },
      { isReady: () => lane.isReady, handOver, release: () => this.#leave(lane) },
    );
  }

  #openOn(lane: Lane, file: SinkFile): BlobSink {
    const job = ++this.#lastJob;
    const send = (message: BlobJob) => ask(lane, message);
    return new PooledSink(job, file, send, {
      take: () => this.#freeSegments.pop() ?? new Uint8Array(new SharedArrayBuffer(SEGMENT_BYTES)),
      release: (segments) => {
        this.#freeSegments.push(...segments.slice(0, MAXIMUM_FREE_SEGMENTS - this.#freeSegments.length));
        this.#leave(lane);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const lanes = this.#lanes.splice(0);
    for (const { idle } of lanes) clearTimeout(idle);
    await Promise.all(lanes.map(({ worker }) => worker.terminate()));
  }

  /** An idle worker, a new one while there may be more, or the one with the fewest sinks. */
  #pickLane(): Lane {
    const [least] = this.#lanes.toSorted((a, b) => a.sinks - b.sinks);
    const lane = least && (least.sinks === 0 || this.#lanes.length >= WORKERS) ? least : this.#start();
    lane.sinks++;
    clearTimeout(lane.idle);
    return lane;
  }

  #leave(lane: Lane): void {
    if (--lane.sinks > 0) return;
    clearTimeout(lane.idle);
    lane.idle = setTimeout(() => this.#retire(lane), IDLE_MS).unref();
  }

  #retire(lane: Lane): void {
    const index = this.#lanes.indexOf(lane);
    if (index < 0) return;
    this.#lanes.splice(index, 1);
    this.#freeSegments.length = 0;
    void lane.worker.terminate();
  }

  #start(): Lane {
    const worker = new Worker(workerModule('blob-worker', import.meta.url), { execArgv: [] });
    const lane: Lane = {
      worker,
      sinks: 0,
      idle: undefined,
      isReady: false,
      failure: undefined,
      waiting: [],
    };
    worker.on('message', (answer: BlobAnswer) => lane.waiting.shift()?.resolve(answer));
    worker.once('online', () => {
      lane.isReady = true;
    });
    worker.once('error', (error) => this.#lost(lane, error));
    worker.once('exit', () => this.#lost(lane, storeError('store-closed')));
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
