import { Condition } from '#base/condition.ts';

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
  readonly #changed = new Condition();

  write(stream: LoggedOutput['stream'], data: Buffer): void {
    this.#chunks.push({ stream, data, atMs: Date.now() });
    this.#bytes += data.length;
    while (this.#bytes > MAXIMUM_BYTES) this.#drop();
    this.#changed.notifyAll();
  }

  end(): void {
    this.#ended = true;
    this.#changed.notifyAll();
  }

  /** @param signal ends the wait for more; what is there is read first */
  async *read(signal?: AbortSignal): AsyncGenerator<LoggedOutput, void> {
    for (let index = 0; ; ) {
      const chunk = this.#chunks[Math.max(0, index - this.#droppedChunks)];
      if (chunk) {
        index = Math.max(index, this.#droppedChunks) + 1;
        yield chunk;
      } else if (this.#ended || signal?.aborted === true) return;
      // It fails only when the signal fires, and then the output is read to its end.
      else await Promise.allSettled([this.#changed.wait(signal)]);
    }
  }

  #drop(): void {
    this.#bytes -= this.#chunks.shift()?.data.length ?? this.#bytes;
    this.#droppedChunks++;
  }
}
