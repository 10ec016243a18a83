/** gRPC's messages on an HTTP/2 stream: one byte that says whether it is compressed, four of length, the message. */
import type { Http2Stream } from 'node:http2';
import { EngineError } from '#base/errors.ts';

const HEADER_BYTES = 5;
/** BuildKit's limit, on both sides. */
const MAXIMUM_BYTES = 16 * 2 ** 20;

/** Writes messages to a stream, which may be gone. */
export class FrameWriter {
  readonly #stream: Http2Stream;
  #drained = Promise.withResolvers<void>();

  constructor(stream: Http2Stream) {
    this.#stream = stream;
    const drained = () => {
      this.#drained.resolve();
      this.#drained = Promise.withResolvers();
    };
    stream.on('drain', drained);
    stream.on('close', drained);
  }

  /** Resolves when more may be written. */
  async write(message: Uint8Array): Promise<void> {
    if (this.#stream.destroyed || this.#stream.write(frame(message))) return;
    await this.#drained.promise;
  }
}

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_BYTES + message.length);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, HEADER_BYTES);
  return framed;
}

/**
 * The messages of a stream until the other side half-closes, those together that have come together: a turn of the
 * event loop for each would cost more than most of them. Stopping early leaves the stream as it is.
 *
 * @throws {EngineError} `invalid` for a message that is compressed, too long, or cut off
 */
export async function* batchesOf(stream: Http2Stream): AsyncGenerator<readonly Buffer[], void> {
  const frames = new FrameReader();
  const chunks: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    const messages = [...frames.push(chunk)];
    if (messages.length > 0) yield messages;
  }
  if (!frames.isEmpty) throw new EngineError('invalid', 'Cannot read gRPC message: it is cut off');
}

/** The messages of {@link batchesOf}, one by one. */
export async function* messagesOf(stream: Http2Stream): AsyncGenerator<Buffer, void> {
  for await (const batch of batchesOf(stream)) for (const message of batch) yield message;
}

/** Cuts chunks into messages; a message in one chunk is not copied. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** The length of header and message; 0 while the header is not there. */
  #wanted = 0;

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  *push(chunk: Buffer): Generator<Buffer, void> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (;;) {
      if (this.#wanted === 0 && this.#bytes >= HEADER_BYTES) this.#wanted = wantedBytes(this.#peek());
      if (this.#wanted === 0 || this.#bytes < this.#wanted) return;
      const all = this.#joined();
      const message = all.subarray(HEADER_BYTES, this.#wanted);
      this.#replace(all.subarray(this.#wanted));
      this.#wanted = 0;
      yield message;
    }
  }

  #peek(): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= HEADER_BYTES) return first;
    const all = this.#joined();
    this.#replace(all);
    return all;
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    return this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
  }

  #replace(rest: Buffer): void {
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
  }
}

function wantedBytes(header: Buffer): number {
  if (header.readUInt8(0) !== 0)
    throw new EngineError('invalid', 'Cannot read gRPC message: compression is not supported');
  const length = header.readUInt32BE(1);
  if (length > MAXIMUM_BYTES)
    throw new EngineError('invalid', `Cannot read gRPC message: ${length} bytes are too many`);
  return HEADER_BYTES + length;
}
