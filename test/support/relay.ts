import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import type { Subject } from './subject.ts';

/** An engine's socket at one remove: a test can cut the connections of clients that know nothing of it. */
export class Relay implements Subject {
  readonly socket: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #served = new Set<Socket>();
  /** How much of what a client sends on a connection reaches the engine. */
  limitBytes = Infinity;
  /** Called when that is reached on a connection. */
  onLimit: () => void = () => undefined;
  /** How much of what the engine sends on a connection reaches the client. */
  answerLimitBytes = Infinity;

  private constructor(engine: Subject) {
    this.socket = `${engine.socket}.relay`;
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      const served = connect({ path: engine.socket, allowHalfOpen: true });
      this.#served.add(served);
      served.on('close', () => this.#served.delete(served));
      client.pipe(this.#limit()).pipe(served).pipe(this.#answerLimit()).pipe(client);
      for (const [socket, other] of [
        [client, served],
        [served, client],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  /** Takes the rest all the same, since the end of the client is not seen otherwise. */
  #limit(): Transform {
    let heardBytes = 0;
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const heard = chunk.subarray(0, this.limitBytes - heardBytes);
        heardBytes += heard.length;
        done(undefined, heard);
        if (heard.length > 0 && heardBytes === this.limitBytes) this.onLimit();
      },
    });
  }

  /** The engine waits for the client to take the rest. */
  #answerLimit(): Transform {
    let heardBytes = 0;
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        heardBytes += chunk.length;
        if (heardBytes <= this.answerLimitBytes) done(undefined, chunk);
      },
    });
  }

  static async start(engine: Subject): Promise<Relay> {
    const relay = new Relay(engine);
    relay.#server.listen(relay.socket);
    await once(relay.#server, 'listening');
    return relay;
  }

  get host(): string {
    return `unix://${this.socket}`;
  }

  /** Cuts all connections, as the death of every client would. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends the input of all connections, as clients that only listen do. */
  halfClose(): void {
    for (const served of this.#served) served.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
  }
}
