import { connect, isIP, type Socket } from 'node:net';
import type { Endpoint } from './host.ts';
import type { Transport, TransportEvents } from './transport.ts';

/** Sockets of `node:net`, and of `node:tls` where the endpoint asks for it. */
export async function openNodeTransport(endpoint: Endpoint, events: TransportEvents): Promise<Transport> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = await openSocket(endpoint, resolve);
  socket.on('error', reject);
  await promise;
  socket.off('error', reject);
  return new NodeTransport(socket, events);
}

class NodeTransport implements Transport {
  readonly #socket: Socket;
  /** All that wait, wait for the same. */
  #drained: Promise<void> | undefined;

  constructor(socket: Socket, events: TransportEvents) {
    this.#socket = socket;
    let told = false;
    const closed = (error?: Error): void => {
      if (told) return;
      told = true;
      events.closed(error);
    };
    socket.on('data', (chunk: Buffer) => events.data(chunk));
    socket.on('end', () => closed());
    socket.on('error', closed);
    socket.on('close', () => closed());
  }

  write(bytes: string | Uint8Array): boolean {
    return this.#socket.destroyed || this.#socket.write(bytes);
  }

  drained(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve();
    if (this.#drained) return this.#drained;
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      this.#drained = undefined;
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
    this.#drained = promise;
    return promise;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }
}

async function openSocket(endpoint: Endpoint, connected: () => void): Promise<Socket> {
  if (endpoint.kind === 'unix') return connect({ path: endpoint.path, allowHalfOpen: true }, connected);
  const { host, port, tls } = endpoint;
  if (!tls) return connect({ host, port, allowHalfOpen: true, noDelay: true }, connected);
  // Loaded only here: TLS is rare on this machine's own engine and slow to load.
  const { connect: connectTls } = await import('node:tls');
  const { verify, ...files } = tls;
  // An address is no name to be asked for (RFC 6066, section 3); it is verified all the same.
  const named = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port, ...named, rejectUnauthorized: verify, ...files }, connected);
}
