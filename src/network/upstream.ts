import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { ResponseCode, responseCode } from './dns-message.ts';
import { DnsFrames, frameDns } from './dns-frames.ts';
import type { DnsTransport } from './resolver.ts';

/** Less than the five seconds after which the C library asks again, so that a second server has its turn. */
const TIMEOUT_MS = 2000;
const MAX_SERVERS = 3;
/** More queries at once than any client waits for; further ones go unanswered, and clients ask again. */
const MAX_QUERIES = 512;
const DNS_PORT = 53;

export interface UpstreamOptions {
  readonly timeoutMs?: number;
  readonly port?: number;
}

/**
 * Asks name servers on behalf of containers, from the engine's own network namespace: what the host can resolve,
 * they can, servers on the host's loopback included.
 *
 * Every query has a socket and an id of its own, which makes answers hard to forge.
 */
export class Upstream {
  readonly #timeoutMs: number;
  readonly #port: number;
  #running = 0;

  constructor(options: UpstreamOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#port = options.port ?? DNS_PORT;
  }

  /**
   * The servers are asked in turn until one gives a useful answer: failing that, the last answer that came.
   * Undefined if there was none, or if too much is going on. Never rejects.
   */
  async forward(
    message: Buffer,
    servers: readonly string[],
    transport: DnsTransport,
  ): Promise<Buffer | undefined> {
    if (this.#running >= MAX_QUERIES || message.length < 12) return undefined;
    this.#running++;
    try {
      return await this.#askInTurn(message, servers.slice(0, MAX_SERVERS), transport);
    } finally {
      this.#running--;
    }
  }

  async #askInTurn(
    message: Buffer,
    servers: readonly string[],
    transport: DnsTransport,
  ): Promise<Buffer | undefined> {
    let last: Buffer | undefined;
    for (const server of servers) {
      const answer = await this.#ask(message, server, transport);
      if (answer && !isFailure(answer)) return answer;
      last = answer ?? last;
    }
    return last;
  }

  async #ask(message: Buffer, server: string, transport: DnsTransport): Promise<Buffer | undefined> {
    const query = Buffer.from(message);
    const id = randomInt(65_536);
    query.writeUInt16BE(id, 0);
    const exchange = transport === 'udp' ? exchangeUdp : exchangeTcp;
    const answer = await exchange({ query, id, server, port: this.#port, timeoutMs: this.#timeoutMs });
    if (answer) message.copy(answer, 0, 0, 2);
    return answer;
  }
}

/** Another server may know better. */
function isFailure(answer: Buffer): boolean {
  const code = responseCode(answer);
  return code === ResponseCode.serverFailure || code === ResponseCode.refused;
}

interface Exchange {
  readonly query: Buffer;
  readonly id: number;
  readonly server: string;
  readonly port: number;
  readonly timeoutMs: number;
}

function isAnswer(message: Buffer, { id, query }: Exchange): boolean {
  const matches =
    message.length >= 12 && message.readUInt16BE(0) === id && (message.readUInt8(2) & 0x80) !== 0;
  return matches && (message.readUInt16BE(4) === 0 || message.readUInt16BE(4) === query.readUInt16BE(4));
}

/** Connected, so that the kernel passes on only what comes from the server, and reports its refusals. */
function exchangeUdp(exchange: Exchange): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = createSocket(isIPv6(exchange.server) ? 'udp6' : 'udp4');
  const timer = setTimeout(() => resolve(undefined), exchange.timeoutMs);
  socket.on('error', () => resolve(undefined));
  socket.on('message', (message) => {
    if (isAnswer(message, exchange)) resolve(message);
  });
  socket.connect(exchange.port, exchange.server, (error?: Error) => {
    if (!error) socket.send(exchange.query);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function exchangeTcp(exchange: Exchange): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = connect({ host: exchange.server, port: exchange.port });
  const timer = setTimeout(() => resolve(undefined), exchange.timeoutMs);
  const frames = new DnsFrames();
  socket.on('error', () => resolve(undefined));
  socket.on('close', () => resolve(undefined));
  socket.on('data', (chunk) => {
    const answer = frames.push(Buffer.from(chunk)).find((message) => isAnswer(message, exchange));
    if (answer) resolve(answer);
  });
  socket.write(frameDns(exchange.query));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
