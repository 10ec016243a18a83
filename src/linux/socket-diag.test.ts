import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { it } from 'node:test';
import { until } from '#base/testing.ts';
import { receivedTcpBytes, type TcpAddress } from './socket-diag.ts';

for (const [listening, connecting] of [
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['::', '127.0.0.1'],
] as const)
  it(`tells what ${connecting} has received from ${listening} and not read`, async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, listening);
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const { port } = address;
    const client = connect({ host: connecting, port });
    const [accepted] = await once(server, 'connection');
    const own: TcpAddress = { address: accepted.localAddress, port };
    const peer: TcpAddress = { address: accepted.remoteAddress, port: accepted.remotePort };
    assert.equal(receivedTcpBytes(own, peer), 0);
    client.write('hello');
    await until(() => receivedTcpBytes(own, peer) === 5, 'it has come');
    accepted.resume();
    await until(() => receivedTcpBytes(own, peer) === 0, 'it is read');
    assert.equal(receivedTcpBytes({ ...own, port: 1 }, peer), undefined);
    client.destroy();
    accepted.destroy();
    server.close();
  });
