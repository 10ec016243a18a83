/** What a client still sends after its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Clients that read no answer before they have sent everything get to it if what is left is not more. */
const MAXIMUM_BYTES = 64 * 1024 * 1024;
/** For the answer to be read before the connection is gone. */
const CLOSING_MS = 1000;

/** Reads the rest of a body that was refused, up to a limit; then the connection ends. */
export function limitUnreadBody(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete) return;
    let left = MAXIMUM_BYTES;
    request.on('data', ({ length }: Buffer) => {
      left -= length;
      if (left < 0) void close(request);
    });
  });
}

async function close(request: IncomingMessage): Promise<void> {
  request.pause();
  const { socket } = request;
  socket.end();
  await sleep(CLOSING_MS, undefined, { ref: false });
  socket.destroy();
}
