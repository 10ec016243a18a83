import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
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

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server.address());
  server.close();
  await once(server, 'close');
  return port;
}

function listenOn(port: number): number {
  return bindInetSocket({ protocol: 'tcp', address: '127.0.0.1', port, reuseAddress: true, backlog: 16 });
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
  const port = await freePort();
  using _proxy = proxyTcp(listenOn(port), { address: '127.0.0.1', port: echo.port });
  const data = randomBytes(3_000_000);
  const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  client.end(data);
  const answer = await buffer(client);
  assert.equal(answer.length, data.length);
  assert.ok(answer.equals(data));
});

test('nobody behind it: the client is cut off', async () => {
  const port = await freePort();
  using _proxy = proxyTcp(listenOn(port), { address: '127.0.0.1', port: await freePort() });
  const client = connect({ host: '127.0.0.1', port });
  await closed(client);
});

test('its end is the end of its connections and frees the port', async () => {
  using echo = await startEcho();
  const port = await freePort();
  const proxy = proxyTcp(listenOn(port), { address: '127.0.0.1', port: echo.port });
  const client = connect({ host: '127.0.0.1', port });
  await once(client, 'connect');
  client.write('x');
  proxy[Symbol.dispose]();
  await closed(client);
  const refused = connect({ host: '127.0.0.1', port });
  await assert.rejects(once(refused, 'connect'), { code: 'ECONNREFUSED' });
});
