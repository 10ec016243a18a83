import { connect, isIP, type Socket } from 'node:net';
import type { Endpoint } from './host.ts';
import { StreamTransport } from './stream-transport.ts';
import type { Transport, TransportEvents } from './transport.ts';

/** Sockets of `node:net`, and of `node:tls` where the endpoint asks for it. */
export async function openNodeTransport(
  endpoint: Exclude<Endpoint, { kind: 'ssh' }>,
  events: TransportEvents,
): Promise<Transport> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = await openSocket(endpoint, resolve);
  socket.on('error', reject);
  await promise;
  socket.off('error', reject);
  const closed = once(events);
  socket.on('end', () => closed());
  socket.on('error', closed);
  socket.on('close', () => closed());
  return new StreamTransport({ readable: socket, writable: socket, handle: socket }, events);
}

/** Streams fail and end by several events: the first one counts. */
function once(events: TransportEvents): TransportEvents['closed'] {
  let told = false;
  return (error) => {
    if (!told) events.closed(error);
    told = true;
  };
}

async function openSocket(
  endpoint: Exclude<Endpoint, { kind: 'ssh' }>,
  connected: () => void,
): Promise<Socket> {
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
