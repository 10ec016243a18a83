import type { Duplex } from 'node:stream';
import { isObject } from '#base/json.ts';
import { EngineError, messageOf } from '#base/errors.ts';
import {
  type EngineMessage,
  rowEntry,
  type WireBuildEvent,
  type WireBuildFailure,
} from '#wire/build-session.ts';
import type { WireBuildRequest } from '#wire/build-request.ts';
import { FrameDecoder } from '#wire/frames.ts';
import type { Client, Hijacked } from '../client.ts';
import { FrameWriter } from './frame-writer.ts';
import type { BuildProviders, FileSink, TreeSink } from './providers.ts';
import { FileServer } from './serve-files.ts';

/** An event, with the bytes that belong to it. */
export interface BuildClientEvent {
  readonly event: WireBuildEvent;
  readonly data: Buffer;
}

/** A build that failed. */
export class BuildFailure extends Error {
  override readonly name = 'BuildFailure';
  readonly failure: WireBuildFailure;

  constructor(failure: WireBuildFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Builds, serving what the engine asks for meanwhile; ends with `built`. Leaving early, or a process that ends, cancels
 * the build.
 *
 * @throws {BuildFailure} with the engine's reason
 */
export async function* buildImage(
  client: Client,
  request: WireBuildRequest,
  providers: BuildProviders,
): AsyncGenerator<BuildClientEvent, void> {
  await using connection = await client.hijack({ method: 'POST', path: '/caisson/build', json: request });
  using server = new BuildServer(connection, providers);
  const decoder = new FrameDecoder();
  for await (const chunk of connection.output)
    for (const { head, data } of decoder.push(chunk)) {
      const message = server.decode(head);
      if (message.type === 'failed') throw new BuildFailure(message.failure);
      if (message.type !== 'event') await server.receive(message, data);
      else yield { event: message.event, data };
      if (message.type === 'event' && message.event.type === 'built') return;
    }
  throw new EngineError(
    'unavailable',
    'Cannot follow build: the engine is gone; it keeps the steps that were done, so build again once it runs',
  );
}

/** What is open under one number. */
interface Conversation extends Disposable {
  receive(message: EngineMessage, data: Buffer): void | Promise<void>;
}

class BuildServer implements Disposable {
  readonly #providers: BuildProviders;
  readonly #writer: FrameWriter;
  readonly #open = new Map<number, Conversation>();
  /** Contents go one after the other: what was asked for first comes first. */
  #sending: Promise<void> = Promise.resolve();

  constructor(connection: Hijacked, providers: BuildProviders) {
    this.#providers = providers;
    this.#writer = new FrameWriter(connection);
  }

  /** The engine is trusted: it runs as root. */
  decode(head: unknown): EngineMessage {
    assertMessage(head);
    return head;
  }

  async receive(message: Exclude<EngineMessage, { type: 'event' | 'failed' }>, data: Buffer): Promise<void> {
    const { id } = message;
    try {
      if (!(await this.#begin(message))) await this.#open.get(id)?.receive(message, data);
      if (message.type === 'close') this.#close(id);
    } catch (error) {
      this.#close(id);
      void this.#writer.send({ type: 'error', id, message: messageOf(error) });
    }
  }

  [Symbol.dispose](): void {
    for (const id of this.#open.keys()) this.#close(id);
  }

  #close(id: number): void {
    this.#open.get(id)?.[Symbol.dispose]();
    this.#open.delete(id);
  }

  /** @returns false for messages about what was begun before */
  async #begin(message: EngineMessage): Promise<boolean> {
    const providers = this.#providers;
    switch (message.type) {
      case 'list':
        await this.#list(message);
        return true;
      case 'secret': {
        const secret = await providers.secret(message.name);
        void this.#writer.send({ type: 'answer', id: message.id, found: secret !== undefined }, secret);
        return true;
      }
      case 'has-ssh':
        void this.#writer.send({
          type: 'answer',
          id: message.id,
          found: providers.hasSshAgent(message.name),
        });
        return true;
      case 'credentials': {
        const auth = await providers.credentials(message.host);
        void this.#writer.send({
          type: 'answer',
          id: message.id,
          found: auth !== undefined,
          ...(auth && { auth }),
        });
        return true;
      }
      case 'ssh':
        this.#open.set(
          message.id,
          new AgentConversation(message.id, await providers.openSshAgent(message.name), this.#writer),
        );
        return true;
      case 'archive':
        this.#archive(message.id);
        return true;
      case 'create': {
        const sink = providers.createFile(message.output, message.attributes);
        this.#open.set(message.id, new FileConversation(message.id, sink, this.#writer));
        return true;
      }
      case 'tree': {
        const sink = providers.createTree(message.output);
        this.#open.set(message.id, new TreeConversation(message.id, sink, this.#writer));
        return true;
      }
      case 'close':
      case 'content':
      case 'data':
      case 'end':
      case 'entries':
      case 'event':
      case 'failed':
      case 'want':
        return false;
    }
  }

  async #list({ id, query }: Extract<EngineMessage, { type: 'list' }>): Promise<void> {
    const directory = this.#providers.directories.get(query.directory);
    if (!directory) throw new EngineError('not-found', `Cannot send ${query.directory}: no such directory`);
    const server = new FileServer(id, directory, this.#writer);
    this.#open.set(id, {
      receive: (message) => {
        if (message.type === 'want') this.#later(() => server.send(message.positions));
      },
      [Symbol.dispose]: () => server.close(),
    });
    await server.list(query);
  }

  #archive(id: number): void {
    let isOpen = true;
    this.#open.set(id, { receive: () => undefined, [Symbol.dispose]: () => void (isOpen = false) });
    this.#later(async () => {
      try {
        for await (const chunk of this.#providers.archive?.() ?? []) {
          if (!isOpen) return;
          for (let at = 0; at < chunk.length; at += PART_BYTES)
            await this.#writer.append({ type: 'data', id }, chunk.subarray(at, at + PART_BYTES));
        }
        void this.#writer.send({ type: 'end', id });
      } catch (error) {
        void this.#writer.send({ type: 'error', id, message: messageOf(error) });
      }
    });
  }

  #later(work: () => Promise<void>): void {
    this.#sending = this.#sending.then(work);
  }
}

const PART_BYTES = 1 << 18;

/** Tells the compiler that a head has a type; what else it has is trusted, since the engine sent it. */
function assertMessage(head: unknown): asserts head is EngineMessage {
  if (!isObject(head) || !('type' in head))
    throw new EngineError('invalid', 'Cannot follow build: the engine speaks another language');
}

class AgentConversation implements Conversation {
  readonly #agent: Duplex;

  constructor(id: number, agent: Duplex, writer: FrameWriter) {
    this.#agent = agent;
    agent.on('data', (data: Buffer) => void writer.send({ type: 'data', id }, data));
    agent.on('end', () => void writer.send({ type: 'end', id }));
    agent.on('error', (error) => void writer.send({ type: 'error', id, message: messageOf(error) }));
  }

  receive({ type }: EngineMessage, data: Buffer): void {
    if (type === 'data') this.#agent.write(data);
    else if (type === 'end') this.#agent.end();
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

class FileConversation implements Conversation {
  readonly #id: number;
  readonly #sink: FileSink;
  readonly #writer: FrameWriter;

  constructor(id: number, sink: FileSink, writer: FrameWriter) {
    this.#id = id;
    this.#sink = sink;
    this.#writer = writer;
  }

  async receive({ type }: EngineMessage, data: Buffer): Promise<void> {
    if (type === 'data') await this.#sink.write(data);
    if (type !== 'end') return;
    await this.#sink.finish();
    void this.#writer.send({ type: 'answer', id: this.#id, found: true });
  }

  [Symbol.dispose](): void {
    this.#sink[Symbol.dispose]();
  }
}

class TreeConversation implements Conversation {
  readonly #id: number;
  readonly #sink: TreeSink;
  readonly #writer: FrameWriter;

  constructor(id: number, sink: TreeSink, writer: FrameWriter) {
    this.#id = id;
    this.#sink = sink;
    this.#writer = writer;
  }

  async receive(message: EngineMessage, data: Buffer): Promise<void> {
    if (message.type === 'entries') for (const row of message.entries) this.#sink.entry(rowEntry(row));
    else if (message.type === 'content') this.#sink.content(message.position, data);
    if (message.type !== 'end') return;
    await this.#sink.finish();
    void this.#writer.send({ type: 'answer', id: this.#id, found: true });
  }

  [Symbol.dispose](): void {
    this.#sink[Symbol.dispose]();
  }
}
