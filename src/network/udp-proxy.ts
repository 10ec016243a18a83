import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { ProxyTarget } from './tcp-proxy.ts';

/** A conversation without a datagram for so long is over; Docker's proxy waits as long. */
const IDLE_MS = 90_000;
/** Further clients have to wait for one to end. */
const MAX_CLIENTS = 4096;

interface Conversation {
  readonly backend: Socket;
  readonly timer: NodeJS.Timeout;
}

/**
 * Passes datagrams that reach a bound socket, which it takes over, on to a container, and its answers back to the
 * client they are for, until it is disposed. Does not keep the process alive.
 */
export function proxyUdp(boundFd: number, listenAddress: string, target: ProxyTarget): Disposable {
  const front = createSocket(isIPv6(listenAddress) ? 'udp6' : 'udp4');
  const conversations = new Map<string, Conversation>();
  const start = (key: string, client: RemoteInfo): Conversation => {
    const backend = createSocket(isIPv6(target.address) ? 'udp6' : 'udp4');
    const end = () => {
      clearTimeout(timer);
      if (conversations.delete(key)) backend.close();
    };
    const timer = setTimeout(end, IDLE_MS).unref();
    backend.on('error', end);
    backend.on('message', (answer) => {
      timer.refresh();
      front.send(answer, client.port, client.address);
    });
    backend.unref();
    const conversation = { backend, timer };
    conversations.set(key, conversation);
    return conversation;
  };
  front.on('message', (datagram, client) => {
    const key = `${client.address} ${client.port}`;
    const known = conversations.get(key);
    if (!known && conversations.size >= MAX_CLIENTS) return;
    const { backend, timer } = known ?? start(key, client);
    timer.refresh();
    backend.send(datagram, target.port, target.address);
  });
  front.on('error', () => {});
  front.bind({ fd: boundFd });
  front.unref();
  return {
    [Symbol.dispose]: () => {
      front.close();
      for (const { backend, timer } of conversations.values()) {
        clearTimeout(timer);
        backend.close();
      }
      conversations.clear();
    },
  };
}
