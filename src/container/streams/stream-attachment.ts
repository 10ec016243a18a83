import { Readable, Writable } from 'node:stream';
import type { Attachment, OutputChunk } from '../container.ts';
import type { DetachScanner } from '#base/detach-keys.ts';
import type { InputGate } from './input-gate.ts';
import type { OutputHub, OutputListener } from './output-hub.ts';

/** Chunks that may wait for a client before the process is slowed down. */
const WAITING_CHUNKS = 16;

export interface AttachmentOptions {
  readonly tty: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Absent: the client has no stdin. */
  readonly input?: InputGate;
  /** The client's end of input is the process's. */
  readonly closesInput: boolean;
  readonly detach?: { readonly scanner: DetachScanner; readonly onDetach: () => void };
  /** Older output, which live output has to wait for. */
  readonly before?: AsyncIterable<OutputChunk>;
}

/** One client on one process: see {@link Attachment}. */
export class StreamAttachment implements Attachment, OutputListener {
  readonly tty: boolean;
  readonly output: Readable;
  readonly input?: Writable;
  readonly #hub: OutputHub;
  readonly #options: AttachmentOptions;
  /** Live chunks that arrived while older output is being read; undefined once they flow. */
  #held: OutputChunk[] | undefined;
  #wanted: (() => void) | undefined;
  #ended = false;

  constructor(hub: OutputHub, options: AttachmentOptions) {
    this.#hub = hub;
    this.#options = options;
    this.tty = options.tty;
    this.output = new Readable({
      objectMode: true,
      highWaterMark: WAITING_CHUNKS,
      read: () => this.#onWanted(),
      destroy: (error, callback) => {
        this.#leave();
        callback(error);
      },
    });
    if (options.input) this.input = this.#createInput(options.input);
    if (options.before) void this.#replay(options.before);
    hub.subscribe(this);
  }

  push(chunk: OutputChunk): boolean {
    if (!this.#options[chunk.stream]) return true;
    if (!this.#held) return this.output.push(chunk);
    return this.#held.push(chunk) < WAITING_CHUNKS;
  }

  async end(): Promise<void> {
    this.#ended = true;
    if (!this.#held) this.output.push(null);
    await untilTaken(this.output);
  }

  async #replay(before: AsyncIterable<OutputChunk>): Promise<void> {
    this.#held = [];
    try {
      for await (const chunk of before) {
        if (this.#options[chunk.stream] && !this.output.push(chunk)) await this.#untilWanted();
        if (this.output.destroyed) return;
      }
    } catch (error) {
      this.output.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    for (const chunk of this.#held) this.output.push(chunk);
    this.#held = undefined;
    this.#hub.resume(this);
    if (this.#ended) this.output.push(null);
  }

  /** The reader has taken what there was. */
  #onWanted(): void {
    this.#wanted?.();
    if (!this.#held) this.#hub.resume(this);
  }

  async #untilWanted(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wanted = resolve));
    this.#wanted = undefined;
  }

  #createInput(gate: InputGate): Writable {
    return new Writable({
      write: (data: Buffer, _encoding, callback) => void this.#write(gate, data, callback),
      final: (callback) => {
        if (this.#options.closesInput) void gate.end();
        callback();
      },
    });
  }

  async #write(gate: InputGate, data: Buffer, callback: () => void): Promise<void> {
    const { detach } = this.#options;
    const scanned = detach?.scanner.scan(data) ?? { data, detached: false };
    if (scanned.data.length > 0) await gate.write(scanned.data);
    if (scanned.detached) {
      this.#hub.unsubscribe(this);
      void this.end();
      detach?.onDetach();
    }
    callback();
  }

  #leave(): void {
    this.#wanted?.();
    this.#hub.unsubscribe(this);
    // A client that vanishes has no more input, as if it had ended it.
    if (this.input && this.#options.closesInput && this.#options.input) void this.#options.input.end();
  }

  [Symbol.dispose](): void {
    this.output.destroy();
    this.input?.destroy();
  }
}

/** Resolves when everything has been read, or at once if the reader does not go on by itself. */
async function untilTaken(output: Readable): Promise<void> {
  if (output.readableFlowing !== true) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const event of ['end', 'pause', 'close']) output.once(event, resolve);
  await promise;
}
