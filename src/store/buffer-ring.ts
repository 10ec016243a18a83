const BUFFERS = 8;

/**
 * Buffers that are used again and again, for chunks that go into a pipeline: each is overwritten when seven more have
 * been taken, which is more than a readable and a transform with a watermark of one chunk hold.
 */
export class BufferRing {
  readonly #buffers: readonly Buffer[];
  #taken = 0;

  constructor(bufferBytes: number) {
    this.#buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(bufferBytes));
  }

  next(): Buffer {
    const buffer = this.#buffers[this.#taken++ % BUFFERS];
    if (!buffer) throw new RangeError('the ring has no buffers');
    return buffer;
  }
}
