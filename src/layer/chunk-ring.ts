/**
 * Bytes from the event loop to a worker thread that only makes blocking calls: a ring of chunks in memory that both
 * share. Nothing is allocated on the way, and a byte is copied once.
 */
import { beat, whileWaiting } from '#linux/file-thread.ts';
import { layerError } from './layer-errors.ts';

const CHUNK_BYTES = 256 * 1024;
const CHUNKS = 4;

/** Places in the state: how many chunks were written, how many were read, whether the reader has ended. */
const WRITTEN = 0;
const READ = 1;
const CLOSED = 2;
/** The lengths of chunks follow. The end takes a length, but no chunk. */
const LENGTHS = 3;
const LENGTH_COUNT = 2 * CHUNKS;
/** In place of a length. */
const END = -1;
const ABORTED = -2;

/** The worker's end: goes into the job's input. */
export interface ChunkRing {
  readonly chunks: Uint8Array<SharedArrayBuffer>;
  readonly state: Int32Array<SharedArrayBuffer>;
}

/** The event loop's side. */
export class ChunkSender {
  readonly ring: ChunkRing = {
    chunks: new Uint8Array(new SharedArrayBuffer(CHUNKS * CHUNK_BYTES)),
    state: new Int32Array(new SharedArrayBuffer((LENGTHS + LENGTH_COUNT) * 4)),
  };
  #written = 0;
  #filled = 0;

  get closed(): boolean {
    return Atomics.load(this.ring.state, CLOSED) !== 0;
  }

  /** Copies `bytes` for the worker, small ones together; resolves when more may be sent. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#filled);
      this.ring.chunks.set(part, (this.#written % CHUNKS) * CHUNK_BYTES + this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === CHUNK_BYTES) await this.#sendChunk();
    }
  }

  /** No more bytes: the worker reads the end, or `aborted` if the source was cut off. */
  finish(outcome: 'end' | 'aborted'): void {
    if (this.#filled > 0) this.#publish(this.#filled);
    this.#publish(outcome === 'end' ? END : ABORTED);
  }

  /** The worker is done with the ring. */
  close(): void {
    const { state } = this.ring;
    Atomics.store(state, CLOSED, 1);
    Atomics.notify(state, READ);
  }

  async #sendChunk(): Promise<void> {
    const { state } = this.ring;
    this.#publish(CHUNK_BYTES);
    for (;;) {
      const read = Atomics.load(state, READ);
      if (this.#written - read < CHUNKS || this.closed) return;
      await Atomics.waitAsync(state, READ, read).value;
    }
  }

  #publish(length: number): void {
    const { state } = this.ring;
    Atomics.store(state, LENGTHS + (this.#written % LENGTH_COUNT), length);
    this.#written++;
    this.#filled = 0;
    Atomics.store(state, WRITTEN, this.#written);
    Atomics.notify(state, WRITTEN);
  }
}

/** The worker's side. */
export class ChunkReader {
  readonly #ring: ChunkRing;
  #read = 0;
  #isHolding = false;

  constructor(ring: ChunkRing) {
    this.#ring = ring;
  }

  /**
   * Waits for the next chunk; undefined at the end. A chunk is the reader's until the next call.
   *
   * @throws {EngineError} `aborted`
   */
  next(): Buffer | undefined {
    beat();
    this.#release();
    const { state, chunks } = this.#ring;
    // It may be woken for a chunk that it has read already.
    while (Atomics.load(state, WRITTEN) === this.#read)
      whileWaiting(() => Atomics.wait(state, WRITTEN, this.#read));
    const length = Atomics.load(state, LENGTHS + (this.#read % LENGTH_COUNT));
    if (length === END) return undefined;
    if (length === ABORTED)
      throw layerError('layer-work-given-up', {
        details: { action: 'receive archive', problem: 'the sender is gone' },
      });
    this.#isHolding = true;
    return Buffer.from(chunks.buffer, (this.#read % CHUNKS) * CHUNK_BYTES, length);
  }

  #release(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#read++;
    Atomics.store(this.#ring.state, READ, this.#read);
    Atomics.notify(this.#ring.state, READ);
  }
}
