import type { ClientMessage } from '#wire/build-session.ts';
import { encodeFrameHead } from '#wire/frames.ts';
import type { Hijacked } from '../client.ts';

/** Small frames go out together. */
const TOGETHER_BYTES = 1 << 18;

/** Writes messages in the order in which they are given. */
export class FrameWriter {
  readonly #connection: Hijacked;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(connection: Hijacked) {
    this.#connection = connection;
  }

  /** Sends a frame at once; resolves when more may be sent. */
  send(message: ClientMessage, data?: Uint8Array): Promise<void> {
    this.#add(message, data);
    return this.flush();
  }

  /** Keeps a frame until there are more, or until {@link flush}; resolves when more may be sent. */
  async append(message: ClientMessage, data: Uint8Array): Promise<void> {
    this.#add(message, data);
    if (this.#bytes >= TOGETHER_BYTES) await this.flush();
  }

  flush(): Promise<void> {
    if (this.#parts.length > 0) {
      const bytes = Buffer.concat(this.#parts);
      this.#parts = [];
      this.#bytes = 0;
      this.#sending = this.#connection.write(bytes);
    }
    return this.#sending;
  }

  #add(message: ClientMessage, data?: Uint8Array): void {
    const head = encodeFrameHead(message, data?.length);
    this.#parts.push(head);
    if (data) this.#parts.push(data);
    this.#bytes += head.length + (data?.length ?? 0);
  }
}
