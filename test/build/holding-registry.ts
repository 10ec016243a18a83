/** A registry behind a door that a test can hold shut in the middle of a request. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Served } from '../registry-server/served.ts';

export interface PassingRequest {
  readonly method: string;
  readonly path: string;
  /** The size of the answer to a GET. */
  readonly sizeBytes: number;
}

/** Asked for every request; where it answers true, the request comes to no end. */
export type Holder = (request: PassingRequest) => boolean;

export class HoldingRegistry implements AsyncDisposable {
  readonly #registry: Served;
  readonly #server: Server;
  /** Connections whose requests are held and whose clients are still there. */
  readonly #held = new Set<Socket>();
  /** By default nothing is held. */
  hold: Holder = () => false;
  /** Called when a request is held: half of a blob was sent, or an upload is on its way. */
  onHeld: () => void = () => undefined;

  private constructor(registry: Served) {
    this.#registry = registry;
    this.#server = createServer((asked, answer) => this.#serve(asked, answer));
  }

  static async start(): Promise<HoldingRegistry> {
    const registry = new HoldingRegistry(await Served.start());
    registry.#server.listen(0, '127.0.0.1');
    await once(registry.#server, 'listening');
    return registry;
  }

  get address(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  get heldRequests(): number {
    return this.#held.size;
  }

  /** Ends the requests that are held, with an error. */
  letGo(): void {
    this.hold = () => false;
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
    this.#server.close();
    await this.#registry[Symbol.asyncDispose]();
  }

  #serve(asked: IncomingMessage, answer: ServerResponse): void {
    const { method = '', url: path = '', headers } = asked;
    if (method !== 'GET' && this.hold({ method, path, sizeBytes: 0 })) return this.#keep(asked);
    const { hostname, port } = new URL(this.#registry.url);
    const passed = request({ host: hostname, port, method, path, headers });
    passed.on('response', (response: IncomingMessage) => {
      const sizeBytes = Number(response.headers['content-length'] ?? 0);
      answer.writeHead(response.statusCode ?? 500, response.headers);
      if (method === 'GET' && this.hold({ method, path, sizeBytes }))
        this.#half(response, answer, sizeBytes, () => this.#keep(asked));
      else response.pipe(answer);
    });
    for (const stream of [asked, answer, passed]) stream.on('error', () => passed.destroy());
    asked.pipe(passed);
  }

  /** Reads on, since the end of the other side is not seen otherwise. */
  #keep(asked: IncomingMessage): void {
    const { socket } = asked;
    asked.resume();
    this.#held.add(socket);
    socket.once('close', () => this.#held.delete(socket));
    this.onHeld();
  }

  #half(response: IncomingMessage, answer: ServerResponse, sizeBytes: number, onSent: () => void): void {
    const half = Math.floor(sizeBytes / 2);
    let sent = 0;
    response.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, half - sent);
      sent += part.length;
      if (part.length > 0 && sent === half) answer.write(part, onSent);
      else if (part.length > 0) answer.write(part);
    });
  }
}
