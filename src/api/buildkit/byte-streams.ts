/** Calls that carry plain bytes, as Node's streams. */
import { Duplex, Readable, Writable } from 'node:stream';
import { BytesMessage } from '#wire/buildkit/common.ts';

/** A call that has messages both ways, as this side sees it. */
export interface MessageStream extends Disposable {
  /** To be read once. */
  messages(): AsyncGenerator<Buffer, void>;
  /** Resolves when more may be sent. */
  send(message: Uint8Array): Promise<void>;
  /** Nothing more is sent. */
  end(): void;
}

/** Clients take no message above 4 MiB. */
const PIECE_BYTES = 1 << 20;

/** What the client sends. */
export function readableOf(stream: MessageStream): Readable {
  return Readable.from(bytesOf(stream), { objectMode: false });
}

/** It finishes when the client has taken everything, and fails as the client does. */
export function writableOf(stream: MessageStream): Writable {
  return new Writable({
    write: (chunk: Buffer, _, done) => void settle(sendPieces(stream, chunk), done),
    final: (done) => void settle(finish(stream), done),
    destroy: (error, done) => {
      stream[Symbol.dispose]();
      done(error);
    },
  });
}

/** Both ways, as a socket. */
export function duplexOf(stream: MessageStream): Duplex {
  const received = bytesOf(stream);
  return new Duplex({
    read() {
      received.next().then(
        ({ value, done }) => this.push(done === true ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    write: (chunk: Buffer, _, done) => void settle(sendPieces(stream, chunk), done),
    final: (done) => {
      stream.end();
      done();
    },
    destroy: (error, done) => {
      stream[Symbol.dispose]();
      done(error);
    },
  });
}

async function* bytesOf(stream: MessageStream): AsyncGenerator<Buffer, void> {
  for await (const message of stream.messages()) {
    const { data } = BytesMessage.decode(message);
    if (data.length > 0) yield Buffer.from(data.buffer, data.byteOffset, data.length);
  }
}

async function sendPieces(stream: MessageStream, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.length; offset += PIECE_BYTES)
    await stream.send(BytesMessage.encode({ data: chunk.subarray(offset, offset + PIECE_BYTES) }));
}

async function finish(stream: MessageStream): Promise<void> {
  stream.end();
  const messages = stream.messages();
  while (!(await messages.next()).done);
}

async function settle(work: Promise<void>, done: (error?: Error) => void): Promise<void> {
  try {
    await work;
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done();
}
