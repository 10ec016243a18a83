import { connect, createServer, type Socket } from 'node:net';

export interface ProxyTarget {
  readonly address: string;
  readonly port: number;
}

/**
 * Passes the connections of a listening socket, which it takes over, on to a container until it is disposed. Each
 * direction ends by itself, as it would without a proxy in between. Does not keep the process alive.
 */
export function proxyTcp(listeningFd: number, target: ProxyTarget): Disposable {
  const open = new Set<Socket>();
  const track = (socket: Socket) => {
    open.add(socket);
    socket.unref();
    socket.on('close', () => open.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const backend = connect({ host: target.address, port: target.port, allowHalfOpen: true, noDelay: true });
    track(client);
    track(backend);
    join(client, backend);
    join(backend, client);
  });
  server.on('error', () => {});
  server.listen({ fd: listeningFd });
  server.unref();
  return {
    [Symbol.dispose]: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function join(from: Socket, to: Socket): void {
  from.on('error', () => to.destroy());
  from.pipe(to);
}
