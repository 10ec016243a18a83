/**
 * Bytes between the event loop and a worker thread that only makes blocking calls. Chunks travel as messages; a
 * counter in shared memory says how many are on the way, and a thread that must wait sleeps on it.
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

/** The event loop's side of a channel that a worker reads. */
export class ChannelSender {
  readonly end: ByteChannelEnd;
  readonly #local: MessagePort;
  readonly #state = newState();
  #wake: (() => void) | undefined;
  #chunk: Chunk = new Uint8Array(CHUNK_BYTES);
  #filled = 0;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#local = port1;
    this.end = { port: port2, state: this.#state };
    port1.on('message', () => this.#wake?.());
    port1.unref();
  }

  get closed(): boolean {
    return Atomics.load(this.#state, CLOSED) !== 0;
  }

  /** Copies `chunk` for the worker, small ones together; resolves when more may be sent. */
  async send(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + CHUNK_BYTES - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === CHUNK_BYTES) await this.#sendChunk();
    }
  }

  async #sendChunk(): Promise<void> {
    this.#postChunk();
    while (Atomics.load(this.#state, PENDING) >= WINDOW && !this.closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** No more bytes: the worker reads the end, or `aborted` if the source was cut off. */
  finish(outcome: 'end' | 'aborted'): void {
    if (this.#filled > 0) this.#postChunk();
    this.#post(outcome, []);
  }

  /** The worker is done with the channel. */
  close(): void {
    Atomics.store(this.#state, CLOSED, 1);
    this.#local.close();
    this.#wake?.();
  }

  #postChunk(): void {
    const filled = this.#chunk.subarray(0, this.#filled);
    this.#post(filled, [filled.buffer]);
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#filled = 0;
  }

  #post(message: Chunk | 'end' | 'aborted', transfer: ArrayBuffer[]): void {
    this.#local.postMessage(message, transfer);
    Atomics.add(this.#state, PENDING, 1);
    Atomics.notify(this.#state, PENDING);
  }
}

/** The worker's side of {@link ChannelSender}: waits for the next chunk; undefined at the end. */
export function receiveChunk({ port, state }: ByteChannelEnd): Buffer | undefined {
  beat();
  for (;;) {
    const message: Chunk | 'end' | 'aborted' | undefined = receiveMessageOnPort(port)?.message;
    if (message === 'end') return undefined;
    if (message === 'aborted')
      throw layerError('layer-work-given-up', {
        details: { action: 'receive archive', problem: 'the sender is gone' },
      });
    if (message !== undefined) {
      if (Atomics.sub(state, PENDING, 1) === WINDOW) port.postMessage(undefined);
      return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    }
    whileWaiting(() => Atomics.wait(state, PENDING, 0));
  }
}
