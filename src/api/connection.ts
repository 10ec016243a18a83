/** An HTTP answer on a connection that the server has released for an upgrade. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A `ServerResponse`, whose types know sockets only; its code asks for a stream. */
interface ConnectedResponse {
  readonly socket: Socket | null;
  assignSocket(connection: Duplex): void;
  detachSocket(connection: Duplex): void;
}

export function assignConnection(response: ConnectedResponse, connection: Duplex): void {
  response.assignSocket(connection);
}

export function detachConnection(response: ConnectedResponse, connection: Duplex): void {
  if (response.socket !== null) response.detachSocket(connection);
}

/** A terminal's keys must not wait for company, and may be far between. */
export function tuneForStreaming(connection: Duplex): void {
  if (!(connection instanceof Socket)) return;
  connection.setNoDelay(true);
  connection.setTimeout(0);
}
