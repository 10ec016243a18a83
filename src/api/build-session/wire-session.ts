import { constants as fs } from 'node:fs';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { BuildSession, FileQuery, FileTransfer, FileTree } from '#build/session/build-session.ts';
import { type ClientMessage, type EngineMessage, type EntryRow, entryRow } from '#wire/build-session.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import { credentialsFromAuth } from '../registry-credentials.ts';
import {
  type Exchange,
  type ExchangeLink,
  ListingExchange,
  outputFile,
  ReplyExchange,
  sendStream,
  StreamExchange,
} from './exchanges.ts';
import type { FrameConnection } from './frame-connection.ts';

/** The client of one build, at the other end of a connection. */
export class WireSession implements BuildSession {
  readonly sharedKey?: string;
  readonly #connection: FrameConnection;
  readonly #exchanges = new Map<number, Exchange>();
  #count = 0;

  /** @param sharedKey empty: the client is not known again */
  constructor(connection: FrameConnection, sharedKey: string) {
    if (sharedKey !== '') this.sharedKey = sharedKey;
    this.#connection = connection;
    connection.listen((message, data) => this.#receive(message, data));
    connection.closed.addEventListener('abort', () => this.#fail(connection.closed.reason));
  }

  get closed(): AbortSignal {
    return this.#connection.closed;
  }

  openFiles(
    { directory, followPaths, includePatterns, excludePatterns, marks }: FileQuery,
    signal: AbortSignal,
  ): FileTransfer {
    const { exchange, link } = this.#open((link) => new ListingExchange(link), signal);
    const query = { directory, followPaths, includePatterns, excludePatterns, ...(marks && { marks }) };
    this.#connection.send({ type: 'list', id: link.id, query });
    return exchange;
  }

  async secret(name: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const { found, data } = await this.#ask((id) => ({ type: 'secret', id, name }), signal);
    return found ? data : undefined;
  }

  async hasSshAgent(name: string, signal: AbortSignal): Promise<boolean> {
    const { found } = await this.#ask((id) => ({ type: 'has-ssh', id, name }), signal);
    return found;
  }

  openSshAgent(name: string): Promise<Duplex> {
    const { exchange, link } = this.#open((link) => new StreamExchange(link));
    this.#connection.send({ type: 'ssh', id: link.id, name });
    return Promise.resolve(exchange.stream);
  }

  async credentials(host: string, signal: AbortSignal): Promise<RegistryCredentials | undefined> {
    const { auth } = await this.#ask((id) => ({ type: 'credentials', id, host }), signal);
    return auth && credentialsFromAuth(auth);
  }

  /** The archive that the client has as its context. */
  openArchive(): Readable {
    const { exchange, link } = this.#open((link) => new StreamExchange(link));
    this.#connection.send({ type: 'archive', id: link.id });
    return exchange.stream;
  }

  openFile(
    output: number,
    attributes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Writable> {
    const { exchange, link } = this.#open((link) => new ReplyExchange(link), signal);
    this.#connection.send({ type: 'create', id: link.id, output, attributes });
    return Promise.resolve(outputFile(link, exchange));
  }

  async sendTree(output: number, tree: FileTree, signal: AbortSignal): Promise<void> {
    const { exchange, link } = this.#open((link) => new ReplyExchange(link), signal);
    const { id } = link;
    this.#connection.send({ type: 'tree', id, output });
    let position = 0;
    let entries: EntryRow[] = [];
    const flush = () => {
      if (entries.length > 0) this.#connection.send({ type: 'entries', id, entries });
      entries = [];
    };
    for await (const entry of tree.entries()) {
      signal.throwIfAborted();
      entries.push(entryRow(entry));
      const isFile = (entry.mode & fs.S_IFMT) === fs.S_IFREG && entry.linkName === '';
      if (isFile || entries.length >= ENTRIES_TOGETHER) flush();
      if (isFile && entry.sizeBytes > 0)
        await sendStream(this.#connection, { type: 'content', id, position }, tree.contents(entry));
      await this.#connection.drained();
      position++;
    }
    flush();
    this.#connection.send({ type: 'end', id });
    await exchange.reply();
  }

  async #ask(question: (id: number) => EngineMessage, signal: AbortSignal) {
    const { exchange, link } = this.#open((link) => new ReplyExchange(link), signal);
    this.#connection.send(question(link.id));
    return await exchange.reply();
  }

  #open<E extends Exchange>(
    create: (link: ExchangeLink) => E,
    signal?: AbortSignal,
  ): { readonly exchange: E; readonly link: ExchangeLink } {
    signal?.throwIfAborted();
    this.closed.throwIfAborted();
    const id = ++this.#count;
    const abort = () => exchange.fail(errorOf(signal?.reason));
    const close = () => {
      this.#exchanges.delete(id);
      signal?.removeEventListener('abort', abort);
    };
    const link = { id, connection: this.#connection, close };
    const exchange = create(link);
    this.#exchanges.set(id, exchange);
    signal?.addEventListener('abort', abort);
    return { exchange, link };
  }

  /** What comes for a number that is done with was on its way already. */
  #receive(message: ClientMessage, data: Buffer): void {
    const exchange = this.#exchanges.get(message.id);
    if (exchange) exchange.receive(message, data);
    else this.#connection.release(data.length);
  }

  #fail(reason: unknown): void {
    for (const exchange of this.#exchanges.values()) exchange.fail(errorOf(reason));
  }
}

const ENTRIES_TOGETHER = 500;

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
