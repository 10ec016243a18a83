export interface LoggedOutput {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Buffer;
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
    this.#chunks.push({ stream, data });
    this.#bytes += data.length;
    while (this.#bytes > MAXIMUM_BYTES) this.#drop();
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  async *read(): AsyncGenerator<LoggedOutput, void> {
    for (let index = 0; ; ) {
      const chunk = this.#chunks[Math.max(0, index - this.#droppedChunks)];
      if (chunk) {
        index = Math.max(index, this.#droppedChunks) + 1;
        yield chunk;
      } else if (this.#ended) return;
      else await this.#changed.promise;
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
