/*
 * A program for tests: it runs inside a network namespace, and does there what its parent asks for over IPC.
 * Its servers tell each client the peer's name and the address that they see.
 */
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect, createServer } from 'node:net';
import { parseArgs } from 'node:util';

export type PeerCommand =
  | { readonly do: 'listen'; readonly protocol: 'tcp' | 'udp'; readonly port: number; readonly host?: string }
  | {
      readonly do: 'ask';
      readonly protocol: 'tcp' | 'udp';
      readonly port: number;
      readonly host: string;
      /** UDP only. */
      readonly fromPort?: number;
      /** How long to wait for an answer. */
      readonly patienceMs?: number;
    }
  | { readonly do: 'resolve'; readonly name: string; readonly type: 'A' | 'AAAA' | 'PTR' | 'TXT' };

/** The answer, or what went wrong: an errno or `timeout`. */
export type PeerResult = string;

/** More than a busy machine ever takes; a question that expects no answer waits less. */
const PATIENCE_MS = 60_000;

function listen({ protocol, port, host }: PeerCommand & { do: 'listen' }, name: string): Promise<PeerResult> {
  const { promise, resolve } = Promise.withResolvers<PeerResult>();
  const failed = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message);
  if (protocol === 'tcp') {
    createServer((socket) => socket.end(`${name} ${socket.remoteAddress}`))
      .on('error', failed)
      .listen({ port, host: host ?? '0.0.0.0' }, () => resolve('ok'));
  } else {
    const socket = createSocket(host?.includes(':') ? 'udp6' : 'udp4').on('error', failed);
    socket.on('message', (_, client) =>
      socket.send(`${name} ${client.address}`, client.port, client.address),
    );
    socket.bind(port, host, () => resolve('ok'));
  }
  return promise;
}

function ask(command: PeerCommand & { do: 'ask' }): Promise<PeerResult> {
  const { protocol, port, host, fromPort, patienceMs = PATIENCE_MS } = command;
  const { promise, resolve } = Promise.withResolvers<PeerResult>();
  const failed = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message);
  setTimeout(() => resolve('timeout'), patienceMs);
  if (protocol === 'tcp') {
    let text = '';
    const socket = connect({ port, host })
      .on('error', failed)
      .on('end', () => resolve(text));
    socket.on('data', (chunk) => (text += String(chunk)));
    return promise.finally(() => socket.destroy());
  }
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').on('error', failed);
  socket.on('message', (message) => resolve(String(message)));
  if (fromPort !== undefined) socket.bind(fromPort);
  socket.connect(port, host, () => socket.send('hello'));
  return promise.finally(() => socket.close());
}

async function resolveName({ name, type }: PeerCommand & { do: 'resolve' }): Promise<PeerResult> {
  const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 1 });
  resolver.setServers(['127.0.0.11']);
  try {
    return JSON.stringify(await resolver.resolve(name, type));
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

function perform(command: PeerCommand, name: string): Promise<PeerResult> {
  if (command.do === 'listen') return listen(command, name);
  return command.do === 'ask' ? ask(command) : resolveName(command);
}

if (process.send) {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [name = ''] = positionals;
  process.on('message', ({ id, command }: { id: number; command: PeerCommand }) => {
    void perform(command, name).then((result) => process.send?.({ id, result }));
  });
  process.on('disconnect', () => process.exit(0));
  process.send({ id: 0, result: 'ready' });
}
