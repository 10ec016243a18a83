import { createSocket, type RemoteInfo } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { isEngineError } from '#base/errors.ts';
import { closeFd } from '#linux/descriptors.ts';
import { bindInetSocket } from '#linux/inet-socket.ts';
import { Nftables } from '#linux/nftables.ts';
import { fitUdp, parseQuery } from './dns-message.ts';
import { DnsFrames, frameDns } from './dns-frames.ts';
import { RESOLVER_ADDRESS } from './resolv-conf.ts';
import type { DnsTransport } from './resolver.ts';

/**
 * The port that the resolver's sockets really have: above the range that the kernel picks from by itself. Port 53 of
 * the address is rewritten to it, so that a container can serve DNS itself on port 53 of every address.
 */
const RESOLVER_PORT = 61_011;

/** A client that says nothing for so long is cut off. */
const IDLE_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;
const BACKLOG = 16;

/** The rules as nft(8) lists them. */
const REDIRECT_RULES: readonly string[] = ['udp', 'tcp'].flatMap((protocol) => [
  `ip daddr ${RESOLVER_ADDRESS} ${protocol} dport 53 ${protocol} dport set ${RESOLVER_PORT}`,
  `ip saddr ${RESOLVER_ADDRESS} ${protocol} sport ${RESOLVER_PORT} ${protocol} sport set 53`,
]);

const REDIRECT_TABLE = 'inet caisson-dns';

/**
 * Commands for nft(8) that set the rewriting up in a new namespace. It is stateless, which spares the namespace
 * connection tracking.
 */
export const RESOLVER_REDIRECT = `table ${REDIRECT_TABLE} {
  chain output {
    type filter hook output priority raw; policy accept;
    ${REDIRECT_RULES.join('\n    ')}
  }
}
`;

/**
 * The same for a namespace in which it is not as it should be. Only there: deleting a table makes the kernel wait some
 * 12 ms, whether there was one or not, and again when the library's socket is closed.
 */
const RESOLVER_REDIRECT_AGAIN = `table ${REDIRECT_TABLE} {
}
delete table ${REDIRECT_TABLE}
${RESOLVER_REDIRECT}`;

/** Makes sure that the rewriting is set up in a namespace from an earlier daemon, which the thread is in. */
export function ensureResolverRedirect(): void {
  using nftables = Nftables.open();
  const listing = listRedirect(nftables);
  if (!REDIRECT_RULES.every((rule) => listing.includes(rule))) nftables.run(RESOLVER_REDIRECT_AGAIN);
}

/** Empty if there is none. */
function listRedirect(nftables: Nftables): string {
  try {
    return nftables.run(`list table ${REDIRECT_TABLE}`);
  } catch (error) {
    if (isEngineError(error, 'not-found')) return '';
    throw error;
  }
}

/** Bound sockets of one namespace; queries wait in them until they are served. */
export interface ResolverDescriptors {
  readonly udp: number;
  readonly tcp: number;
}

/** Opens the sockets in the namespace that the thread is in. Loopback must be up. */
export function openResolverDescriptors(): ResolverDescriptors {
  using undo = new DisposableStack();
  const address = { address: RESOLVER_ADDRESS, port: RESOLVER_PORT };
  const udp = bindInetSocket({ ...address, protocol: 'udp' });
  undo.defer(() => closeFd(udp));
  const tcp = bindInetSocket({ ...address, protocol: 'tcp', reuseAddress: true, backlog: BACKLOG });
  undo.move();
  return { udp, tcp };
}

/** Answers, or stays silent with undefined. Must not reject. */
export type AnswerQuery = (message: Buffer, transport: DnsTransport) => Promise<Buffer | undefined>;

/** Serves the sockets, which it takes over, until it is disposed. Does not keep the process alive. */
export function serveResolver(descriptors: ResolverDescriptors, answer: AnswerQuery): Disposable {
  using undo = new DisposableStack();
  undo.use(serveUdp(descriptors.udp, answer));
  undo.use(serveTcp(descriptors.tcp, answer));
  return undo.move();
}

function serveUdp(fd: number, answer: AnswerQuery): Disposable {
  const socket = createSocket('udp4');
  let open = true;
  const reply = async (message: Buffer, client: RemoteInfo) => {
    const response = await answer(message, 'udp');
    const query = parseQuery(message);
    if (!response || !open) return;
    socket.send(query ? fitUdp(query, response) : response, client.port, client.address);
  };
  socket.on('message', (message, client) => void reply(message, client));
  // A client that has gone already; the next one is served all the same.
  socket.on('error', () => {});
  socket.bind({ fd });
  socket.unref();
  return {
    [Symbol.dispose]: () => {
      open = false;
      socket.close();
    },
  };
}

function serveTcp(fd: number, answer: AnswerQuery): Disposable {
  const connections = new Set<Socket>();
  const server: Server = createServer((connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    connection.unref();
    serveConnection(connection, answer);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('error', () => {});
  server.listen({ fd });
  server.unref();
  return {
    [Symbol.dispose]: () => {
      server.close();
      for (const connection of connections) connection.destroy();
    },
  };
}

/** Several queries may come on one connection, and are answered as answers come (RFC 7766 6.2.1.1). */
function serveConnection(connection: Socket, answer: AnswerQuery): void {
  const frames = new DnsFrames();
  const reply = async (message: Buffer) => {
    const response = await answer(message, 'tcp');
    if (response && connection.writable) connection.write(frameDns(response));
  };
  connection.setTimeout(IDLE_TIMEOUT_MS, () => connection.destroy());
  connection.on('error', () => {});
  connection.on('data', (chunk) => {
    for (const message of frames.push(Buffer.from(chunk))) void reply(message);
  });
}
