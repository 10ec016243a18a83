import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { closeFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { bindInetSocket } from '#linux/inet-socket.ts';
import { proxyTcp } from './tcp-proxy.ts';

/** A server that answers with all it got once the client has said that there is no more. */
async function startEcho() {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    // Not by `for await`: at its end it would destroy the writing side too.
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
    socket.on('error', () => {}).on('end', () => socket.end(Buffer.concat(chunks)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: portOf(server.address()), [Symbol.dispose]: () => server.close() };
}

function portOf(address: AddressInfo | string | null): number {
  assert.ok(address && typeof address === 'object');
  return address.port;
}

/** Below those that the kernel gives out, so that no other connection has it. */
const FIRST_PORT = 20_000;
const LAST_PORT = 30_000;

/** A port that is ours for as long as the descriptor is open; without `backlog` nothing listens there. */
function takePort(backlog?: number) {
  for (let port = FIRST_PORT + randomInt(LAST_PORT - FIRST_PORT); ; port++) {
    const options = { protocol: 'tcp', address: '127.0.0.1', port } as const;
    try {
      return { port, fd: bindInetSocket(backlog === undefined ? options : { ...options, backlog }) };
    } catch (error) {
      if (!isErrno(error, 'EADDRINUSE') || port > LAST_PORT) throw error;
    }
  }
}

/** Whether by an end or by a reset. */
function closed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket
    .on('error', () => {})
    .on('close', () => resolve())
    .resume();
  return promise;
}

test('both directions end by themselves, and nothing is lost', async () => {
  using echo = await startEcho();
  const { port, fd } = takePort(16);
  using _proxy = proxyTcp(fd, { address: '127.0.0.1', port: echo.port });
  const data = randomBytes(3_000_000);
  const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  client.end(data);
  const answer = await buffer(client);
  assert.equal(answer.length, data.length);
  assert.ok(answer.equals(data));
});

test('nothing listens behind it: the client is cut off', async () => {
  const [front, silent] = [takePort(16), takePort()];
  using stack = new DisposableStack();
  stack.defer(() => closeFd(silent.fd));
  stack.use(proxyTcp(front.fd, { address: '127.0.0.1', port: silent.port }));
  const client = connect({ host: '127.0.0.1', port: front.port });
  await closed(client);
});

test('its end is the end of its connections and frees the port', async () => {
  using echo = await startEcho();
  const { port, fd } = takePort(16);
  const proxy = proxyTcp(fd, { address: '127.0.0.1', port: echo.port });
  const client = connect({ host: '127.0.0.1', port });
  await once(client, 'connect');
  client.write('x');
  proxy[Symbol.dispose]();
  await closed(client);
  const refused = connect({ host: '127.0.0.1', port });
  await assert.rejects(once(refused, 'connect'), { code: 'ECONNREFUSED' });
});
