import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ApiError } from './api-error.ts';
import { type Client, createClient, encodeFilters, path } from './client.ts';
import { jsonLines } from './json-lines.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface TestServer extends AsyncDisposable {
  readonly client: Client;
  readonly connections: () => number;
  readonly requests: string[];
}

/** A real HTTP server on a unix socket of its own. */
async function serve(handler: Handler): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-client-'));
  const socket = join(directory, 's');
  const requests: string[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handler(request, response);
  });
  server.on('connection', () => connections++);
  server.on('upgrade', (request, stream) => {
    requests.push(`${request.method} ${request.url}`);
    stream.write(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    stream.write('hello ');
    // The peer's end of input comes while our output goes on: a half-closed connection.
    stream.on('data', (chunk: Buffer) => stream.write(chunk));
    stream.on('end', () => stream.end(' bye'));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const client = createClient({ host: `unix://${socket}` });
  return {
    client,
    connections: () => connections,
    requests,
    [Symbol.asyncDispose]: async () => {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true });
    },
  };
}

test('connections are kept for the next request', async () => {
  await using server = await serve((_, response) => response.end('{"a":1}'));
  for (let each = 0; each < 3; each++) {
    assert.deepEqual(await server.client.json({ method: 'GET', path: '/x' }), { a: 1 });
  }
  assert.equal(server.connections(), 1);
  assert.deepEqual(server.requests, ['GET /v1.51/x', 'GET /v1.51/x', 'GET /v1.51/x']);
});

test('chunked answers stream, whatever the network cuts', async () => {
  await using server = await serve((_, response) => {
    for (const part of ['{"n":1}\n{"n"', ':2}\n', '{"n":3}']) response.write(part);
    response.end();
  });
  const { body } = await server.client.request({ method: 'GET', path: '/events' });
  const lines: string[] = [];
  for await (const line of jsonLines(body)) lines.push(line);
  assert.deepEqual(lines, ['{"n":1}', '{"n":2}', '{"n":3}']);
});

test('a refused version is taken back without asking first', async () => {
  await using server = await serve((request, response) => {
    if (request.url?.startsWith('/v1.51/')) {
      response.statusCode = 400;
      response.end('{"message":"client version 1.45 is too new. Maximum supported API version is 1.41"}');
    } else response.end('{}');
  });
  await server.client.json({ method: 'GET', path: '/a' });
  await server.client.json({ method: 'GET', path: '/b' });
  assert.deepEqual(server.requests, ['GET /v1.51/a', 'GET /v1.41/a', 'GET /v1.41/b']);
  assert.equal(server.client.apiVersion, '1.41');
});

test('errors carry status and message', async () => {
  await using server = await serve((_, response) => {
    response.statusCode = 404;
    response.end('{"message":"No such container: x"}');
  });
  await assert.rejects(
    server.client.json({ method: 'GET', path: '/x' }),
    (error) =>
      error instanceof ApiError &&
      error.status === 404 &&
      error.code === 'not-found' &&
      error.message === 'No such container: x',
  );
});

async function* body(count: number): AsyncGenerator<Buffer> {
  for (let each = 0; each < count; each++) yield Buffer.alloc(100_000, 1);
}

test('a body streams out in chunks, and an early refusal ends it', async () => {
  let received = 0;
  await using server = await serve((request, response) => {
    if (request.url?.endsWith('/refuse')) {
      response.statusCode = 409;
      response.end('{"message":"no"}');
      return;
    }
    request.on('data', (chunk: Buffer) => (received += chunk.length));
    request.on('end', () => response.end('{}'));
  });
  await server.client.run({ method: 'PUT', path: '/take', body: body(20) });
  assert.equal(received, 2_000_000);
  await assert.rejects(server.client.run({ method: 'PUT', path: '/refuse', body: body(1_000_000) }), /no/);
});

test('a hijacked connection half-closes', async () => {
  await using server = await serve((_, response) => response.end());
  const stream = await server.client.hijack({ method: 'POST', path: '/attach' });
  assert.ok(stream.multiplexed);
  await stream.write(Buffer.from('echo'));
  stream.endInput();
  assert.equal((await stream.output.all()).toString(), 'hello echo bye');
});

test('where nothing listens it is said so, after one chance to change it', async () => {
  const asked: number[] = [];
  using client = createClient({
    host: 'unix:///nonexistent/caisson.sock',
    onUnreachable: () => Promise.resolve(asked.push(1) > 1),
  });
  await assert.rejects(client.json({ method: 'GET', path: '/x' }), /nothing listens there/);
  assert.equal(asked.length, 1);
});

test('names are escaped in paths, filters become JSON', () => {
  assert.equal(path`/images/${'host:5000/a b:c'}/json`, '/images/host:5000/a%20b:c/json');
  assert.equal(encodeFilters({ label: ['a=b'] }), '{"label":{"a=b":true}}');
  assert.equal(encodeFilters({}), undefined);
});
