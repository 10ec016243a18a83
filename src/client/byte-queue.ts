/**
 * Bytes between a socket that produces them and one reader: an async iterable that asks its producer to pause when
 * the reader falls behind.
 */
export class ByteQueue implements AsyncIterable<Buffer> {
  readonly #chunks: Buffer[] = [];
  readonly #flow: { readonly pause: () => void; readonly resume: () => void };
  #sizeBytes = 0;
  #paused = false;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(flow: { readonly pause: () => void; readonly resume: () => void }) {
    this.#flow = flow;
  }

  push(chunk: Buffer): void {
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
    if (this.#sizeBytes >= HIGH_WATER_BYTES && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#notify();
  }

  /** No more bytes come; with `failure`, the reader gets it after what is queued. */
  end(failure?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    try {
      for (;;) {
        const chunk = this.#take();
        if (chunk) yield chunk;
        else if (this.#ended) break;
        else await this.#more();
      }
      if (this.#failure) throw this.#failure;
    } finally {
      this.#chunks.length = 0;
    }
  }

  /** Everything that comes, as one buffer. */
  async all(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const chunk of this) parts.push(chunk);
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  #take(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    if (!chunk) return undefined;
    this.#sizeBytes -= chunk.length;
    if (this.#paused && this.#sizeBytes < LOW_WATER_BYTES) {
      this.#paused = false;
      this.#flow.resume();
    }
    return chunk;
  }

  #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

const HIGH_WATER_BYTES = 1 << 20;
const LOW_WATER_BYTES = 1 << 18;
