/** A proxy that knows where the names of a test are, and what it was asked for. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { type Duplex } from 'node:stream';

export class TestProxy implements AsyncDisposable {
  /** `CONNECT name:port`, or `GET http://name:port/…`. */
  readonly seen: string[] = [];
  /** Ports of loopback by `name:port`. */
  readonly #places: Readonly<Record<string, number>>;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server, places: Readonly<Record<string, number>>) {
    this.#server = server;
    this.#places = places;
    server.on('request', (incoming, response) => this.#forward(incoming, response));
    server.on('connect', (incoming: IncomingMessage, socket: Duplex) => this.#tunnel(incoming, socket));
  }

  static async start(places: Readonly<Record<string, number>>): Promise<TestProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TestProxy(server, places);
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, headers, url = '' } = incoming;
    this.seen.push(`${method} ${url}`);
    const target = new URL(url);
    const port = this.#places[target.host];
    if (port === undefined) return void response.writeHead(502).end();
    const path = target.pathname + target.search;
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(outgoing);
  }

  #tunnel({ url = '' }: IncomingMessage, socket: Duplex): void {
    this.seen.push(`CONNECT ${url}`);
    const port = this.#places[url];
    if (port === undefined) return void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const remote = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const end of [socket, remote]) {
      this.#sockets.add(end);
      end.on('error', () => undefined);
      end.on('close', () => this.#sockets.delete(end));
    }
    socket.pipe(remote).pipe(socket);
  }
}

const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => [
  name,
  name.toUpperCase(),
]);

/** Sets these variables of proxies in the environment, and no others, for as long as it lives. */
export function withProxies(variables: Readonly<Record<string, string>>): Disposable {
  const before = PROXY_VARIABLES.map((name): [string, string | undefined] => [name, process.env[name]]);
  for (const name of PROXY_VARIABLES) delete process.env[name];
  Object.assign(process.env, variables);
  return {
    [Symbol.dispose]: () => {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    },
  };
}
