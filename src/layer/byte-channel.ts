/**
 * Bytes from a worker thread that only makes blocking calls to the event loop. Chunks travel as messages; a counter in
 * shared memory says how many are on the way, and a thread that must wait sleeps on it. For the other direction see
 * `chunk-ring.ts`.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { Readable } from 'node:stream';
import { beat, whileWaiting } from '#linux/file-thread.ts';
import { layerError } from './layer-errors.ts';

/** Chunks that may be on the way before the writer waits. */
const WINDOW = 4;
const PENDING = 0;
const CLOSED = 1;

/** The worker's end: goes into the job's input, with `port` in its transfer list. */
export interface ByteChannelEnd {
  readonly port: MessagePort;
  readonly state: Int32Array;
}

type Chunk = Uint8Array<ArrayBuffer>;

function newState(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

/**
 * A stream of what a worker writes. It ends when `finished` (the job) resolves, and fails with its error; destroying
 * the stream makes the worker's next write throw `aborted`.
 */
export function openReadable(start: (end: ByteChannelEnd) => Promise<void>): Readable {
  const { port1: local, port2: remote } = new MessageChannel();
  const state = newState();
  let unreleased = 0;
  const release = () => {
    Atomics.sub(state, PENDING, unreleased);
    unreleased = 0;
    Atomics.notify(state, PENDING);
  };
  const readable = new Readable({
    highWaterMark: 1,
    read: release,
    destroy(error, callback) {
      Atomics.store(state, CLOSED, 1);
      release();
      local.close();
      callback(error);
    },
  });
  const receive = (chunk: Chunk) => {
    unreleased++;
    if (readable.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) release();
  };
  local.on('message', receive);
  const finish = async () => {
    try {
      await start({ port: remote, state });
      // The job's answer comes on another port than its bytes, and may overtake them.
      for (let rest = receiveMessageOnPort(local); rest; rest = receiveMessageOnPort(local)) {
        receive(rest.message);
      }
      readable.push(null);
    } catch (error) {
      readable.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  };
  void finish();
  return readable;
}

/** The worker's side of {@link openReadable}; collects small pieces into large chunks. */
export class ChannelWriter {
  readonly #end: ByteChannelEnd;
  #chunk: Chunk = new Uint8Array(CHUNK_BYTES);
  #filled = 0;

  constructor(end: ByteChannelEnd) {
    this.#end = end;
  }

  /** Copies `bytes`. @throws {EngineError} `aborted` if the reader is gone */
  write(bytes: Uint8Array): void {
    beat();
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#advance(part.length);
      at += part.length;
    }
  }

  /** Lets `fill` write up to `lengthBytes` right into the chunk; it returns how many it did, 0 to stop. */
  fill(lengthBytes: number, fill: (chunk: Uint8Array, offset: number, length: number) => number): number {
    let total = 0;
    while (total < lengthBytes) {
      const length = fill(
        this.#chunk,
        this.#filled,
        Math.min(lengthBytes - total, CHUNK_BYTES - this.#filled),
      );
      if (length === 0) break;
      total += length;
      this.#advance(length);
      beat();
    }
    return total;
  }

  /** Sends what was collected. */
  flush(): void {
    if (this.#filled > 0) this.#send(this.#chunk.subarray(0, this.#filled));
  }

  #advance(length: number): void {
    this.#filled += length;
    if (this.#filled === CHUNK_BYTES) this.#send(this.#chunk);
  }

  #send(chunk: Chunk): void {
    const { port, state } = this.#end;
    for (;;) {
      if (Atomics.load(state, CLOSED) !== 0)
        throw layerError('layer-work-given-up', {
          details: { action: 'send archive', problem: 'the reader is gone' },
        });
      const pending = Atomics.load(state, PENDING);
      if (pending < WINDOW) break;
      whileWaiting(() => Atomics.wait(state, PENDING, pending));
    }
    Atomics.add(state, PENDING, 1);
    port.postMessage(chunk, [chunk.buffer]);
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#filled = 0;
  }
}

const CHUNK_BYTES = 256 * 1024;
