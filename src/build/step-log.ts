export interface LoggedOutput {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Buffer;
  readonly atMs: number;
}

/** Room for the output that no client has read yet; older output is dropped beyond it. */
const MAXIMUM_BYTES = 8 * 2 ** 20;

/** The output of one vertex: written as it comes, read from its beginning by every build that waits for it. */
export class StepLog {
  readonly #chunks: LoggedOutput[] = [];
  #droppedChunks = 0;
  #bytes = 0;
  #ended = false;
  #changed = Promise.withResolvers<void>();

  write(stream: LoggedOutput['stream'], data: Buffer): void {
    this.#chunks.push({ stream, data, atMs: Date.now() });
    this.#bytes += data.length;
    while (this.#bytes > MAXIMUM_BYTES) this.#drop();
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** @param signal ends the wait for more; what is there is read first */
  async *read(signal?: AbortSignal): AsyncGenerator<LoggedOutput, void> {
    const aborted = signal && abortOf(signal);
    for (let index = 0; ; ) {
      const chunk = this.#chunks[Math.max(0, index - this.#droppedChunks)];
      if (chunk) {
        index = Math.max(index, this.#droppedChunks) + 1;
        yield chunk;
      } else if (this.#ended || signal?.aborted === true) return;
      else await (aborted ? Promise.race([this.#changed.promise, aborted]) : this.#changed.promise);
    }
  }

  #drop(): void {
    this.#bytes -= this.#chunks.shift()?.data.length ?? this.#bytes;
    this.#droppedChunks++;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

async function abortOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
