/** What the engine asked the client for under one number: each kind takes the messages that answer it. */
import { Duplex, type Readable, Writable } from 'node:stream';
import { callbackify } from 'node:util';
import { EngineError } from '#base/errors.ts';
import type { FileEntry, FileTransfer } from '#build/session/build-session.ts';
import { EventChannel } from '#base/event-channel.ts';
import { type ClientMessage, type EngineMessage, type ListingMarks, rowEntry } from '#wire/build-session.ts';
import type { RegistryAuth } from '#wire/registry-auth.ts';
import type { FrameConnection } from './frame-connection.ts';

/** The conversation under one number. */
export interface Exchange {
  receive(message: ClientMessage, data: Buffer): void;
  fail(error: Error): void;
}

/** The end of the engine's side. */
export interface ExchangeLink {
  readonly id: number;
  readonly connection: FrameConnection;
  /** Ends the exchange and frees its number. */
  close(): void;
}

export interface Reply {
  readonly found: boolean;
  readonly data: Buffer;
  readonly auth?: RegistryAuth;
}

/** One answer. */
export class ReplyExchange implements Exchange {
  readonly #link: ExchangeLink;
  readonly #reply = Promise.withResolvers<Reply>();

  constructor(link: ExchangeLink) {
    this.#link = link;
    this.#reply.promise.catch(() => undefined);
  }

  /** @throws what the client could not do, or `aborted` */
  async reply(): Promise<Reply> {
    try {
      return await this.#reply.promise;
    } finally {
      this.#link.close();
    }
  }

  receive(message: ClientMessage, data: Buffer): void {
    this.#link.connection.release(data.length);
    if (message.type === 'answer')
      this.#reply.resolve({ found: message.found, data, ...(message.auth && { auth: message.auth }) });
    else if (message.type === 'error') this.fail(failureOf(message));
    else throw unexpected(message);
  }

  fail(error: Error): void {
    this.#reply.reject(error);
  }
}

/** A directory of the client's. */
export class ListingExchange implements Exchange, FileTransfer {
  readonly #link: ExchangeLink;
  readonly #entries = new EventChannel<FileEntry>();
  readonly #contents = new Map<number, EventChannel<Buffer>>();
  #wanted: number[] = [];
  #failure: Error | undefined;
  #marks: ListingMarks | undefined;

  constructor(link: ExchangeLink) {
    this.#link = link;
  }

  entries(): AsyncIterable<FileEntry> {
    return this.#entries;
  }

  get marks(): ListingMarks | undefined {
    return this.#marks;
  }

  contents(position: number): AsyncIterable<Buffer> {
    const channel = new EventChannel<Buffer>();
    if (this.#failure) channel.end({ error: this.#failure });
    this.#contents.set(position, channel);
    if (this.#wanted.push(position) === 1) queueMicrotask(() => this.#ask());
    return this.#counted(channel);
  }

  finish(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  receive(message: ClientMessage, data: Buffer): void {
    if (message.type === 'content') return this.#content(message, data);
    this.#link.connection.release(data.length);
    if (message.type === 'entries') for (const row of message.entries) this.#entries.push(rowEntry(row));
    else if (message.type === 'end') {
      this.#marks = message.marks;
      this.#entries.end();
    } else if (message.type === 'error') this.fail(failureOf(message));
    else throw unexpected(message);
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#entries.end({ error });
    for (const channel of this.#contents.values()) channel.end({ error });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }

  #ask(): void {
    const positions = this.#wanted;
    this.#wanted = [];
    this.#link.connection.send({ type: 'want', id: this.#link.id, positions });
  }

  #content(message: Extract<ClientMessage, { type: 'content' }>, data: Buffer): void {
    const channel = this.#contents.get(message.position);
    if (!channel) throw unexpected(message);
    if (data.length > 0) channel.push(data);
    if (!message.last) return;
    channel.end();
    this.#contents.delete(message.position);
  }

  async *#counted(channel: EventChannel<Buffer>): AsyncGenerator<Buffer, void> {
    for await (const chunk of channel) {
      this.#link.connection.release(chunk.length);
      yield chunk;
    }
  }

  #close(): void {
    this.#link.connection.send({ type: 'close', id: this.#link.id });
    this.#link.close();
  }
}

/** Bytes both ways. */
export class StreamExchange implements Exchange {
  readonly stream: Duplex;
  readonly #link: ExchangeLink;
  /** Counted as read when the reader has room. */
  #heldBytes = 0;

  constructor(link: ExchangeLink) {
    this.#link = link;
    const { connection, id } = link;
    this.stream = new Duplex({
      read: () => this.#release(),
      write: (chunk: Buffer, _, done) => sendChunk(connection, id, chunk, done),
      final: (done) => {
        connection.send({ type: 'end', id });
        done();
      },
      destroy: (error, done) => {
        connection.send({ type: 'close', id });
        link.close();
        done(error);
      },
    });
    // The client may go away while nothing reads the stream.
    this.stream.on('error', () => undefined);
  }

  receive(message: ClientMessage, data: Buffer): void {
    if (message.type === 'data') this.#push(data);
    else if (message.type === 'end') this.stream.push(null);
    else if (message.type === 'error') this.fail(failureOf(message));
    else throw unexpected(message);
  }

  fail(error: Error): void {
    this.stream.destroy(error);
  }

  #push(data: Buffer): void {
    this.#heldBytes += data.length;
    if (this.stream.push(data)) this.#release();
  }

  #release(): void {
    this.#link.connection.release(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

/** A file that the client writes. */
export function outputFile(link: ExchangeLink, reply: ReplyExchange): Writable {
  const { connection, id } = link;
  return new Writable({
    write: (chunk: Buffer, _, done) => sendChunk(connection, id, chunk, done),
    final: (done) => {
      connection.send({ type: 'end', id });
      callbackify(() => reply.reply())((error) => done(error));
    },
    destroy: (error, done) => {
      link.close();
      done(error);
    },
  });
}

type Done = (error?: Error | null) => void;

function sendChunk(connection: FrameConnection, id: number, chunk: Buffer, done: Done): void {
  callbackify(() => connection.sendData({ type: 'data', id }, chunk))((error) => done(error));
}

/** What messages of contents carry. */
export async function sendStream(
  connection: FrameConnection,
  message: EngineMessage,
  contents: Readable,
): Promise<void> {
  const chunks: AsyncIterable<Buffer> = contents;
  for await (const chunk of chunks) await connection.sendData(message, chunk);
}

function failureOf({ message }: Extract<ClientMessage, { type: 'error' }>): EngineError {
  return new EngineError('invalid', message);
}

function unexpected({ type }: ClientMessage): EngineError {
  return new EngineError('invalid', `Cannot read message of a build: ${type} was not asked for`);
}
