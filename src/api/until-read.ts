import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainDescriptor, unreadBytes } from '#linux/plain-socket.ts';
import { receivedTcpBytes } from '#linux/socket-diag.ts';

/** A client that has not read after so many milliseconds gets more nevertheless. */
const MAXIMUM_WAITS = 10_000;

/**
 * Waits until the client has read what was written to it, for ten seconds at most.
 *
 * docker-py reads an answer's headers through a buffer and output past it: what arrives together with the headers is
 * lost to it. No event tells that a kernel's queue is empty; usually it is at the first look.
 *
 * A client on another machine, or in another network namespace, counts as having read what its kernel has
 * acknowledged. With TLS there is nothing to wait for, because no read returns more than one record.
 */
export async function untilRead(socket: Socket): Promise<void> {
  for (let waits = 0; waits < MAXIMUM_WAITS && isUnread(socket); waits++) await sleep(1);
}

function isUnread(socket: Socket): boolean {
  if (socket.destroyed) return false;
  // What Node still holds is not in the kernel's queue.
  if (socket.writableLength > 0) return true;
  const fd = plainDescriptor(socket);
  return fd !== undefined && (unreadBytes(fd) > 0 || isInClientsQueue(socket));
}

/** True if the client is at the other end of this host's loopback and has not read all that has arrived there. */
function isInClientsQueue({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  if (localAddress === undefined || localAddress !== remoteAddress) return false;
  if (localPort === undefined || remotePort === undefined) return false;
  const client = { address: remoteAddress, port: remotePort };
  return (receivedTcpBytes(client, { address: localAddress, port: localPort }) ?? 0) > 0;
}
