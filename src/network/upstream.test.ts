import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { encodeName, RecordType, responseCode } from './dns-message.ts';
import { DnsFrames, frameDns } from './dns-frames.ts';
import { Upstream } from './upstream.ts';

const QUERY = Buffer.concat([
  Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
  encodeName('example.org'),
  Buffer.from([0, RecordType.a, 0, 1]),
]);

type Behaviour = (query: Buffer) => readonly Buffer[];

function answerWith(code: number): Behaviour {
  return (query) => {
    const answer = Buffer.from(query);
    answer.writeUInt16BE(0x8180 | code, 2);
    return [answer];
  };
}

/** One port on several addresses of loopback, each a name server of its own. */
async function serveUdp(behaviours: Readonly<Record<string, Behaviour>>) {
  const stack = new AsyncDisposableStack();
  let port = 0;
  const asked: string[] = [];
  for (const [address, behaviour] of Object.entries(behaviours)) {
    const socket = createSocket('udp4');
    socket.on('message', (message, client) => {
      asked.push(address);
      for (const answer of behaviour(message)) socket.send(answer, client.port, client.address);
    });
    socket.bind(port, address);
    await once(socket, 'listening');
    port = socket.address().port;
    stack.defer(() => new Promise<void>((resolve) => socket.close(resolve)));
  }
  return { port, asked, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const TIMEOUT_MS = 100;

/** Patience ends when a test says so, and never by itself, however slow the machine. */
function stopClock({ mock }: TestContext): void {
  mock.timers.enable({ apis: ['setTimeout'] });
}

test('the answer carries the id of the question, whatever id went out', async (context) => {
  stopClock(context);
  let sent: Buffer | undefined;
  await using server = await serveUdp({
    '127.0.0.1': (query) => {
      sent = query;
      return answerWith(0)(query);
    },
  });
  const answer = await new Upstream({ port: server.port }).forward(QUERY, ['127.0.0.1'], 'udp');
  assert.equal(answer?.readUInt16BE(0), 0x1234);
  assert.deepEqual(sent?.subarray(2), QUERY.subarray(2));
});

test('"no such name" counts; a failure, a refusal and silence send to the next server', async (context) => {
  stopClock(context);
  await using server = await serveUdp({
    '127.0.0.1': answerWith(2),
    '127.0.0.2': answerWith(5),
    '127.0.0.3': answerWith(3),
    '127.0.0.4': () => {
      context.mock.timers.tick(TIMEOUT_MS);
      return [];
    },
  });
  const upstream = new Upstream({ port: server.port, timeoutMs: TIMEOUT_MS });
  const codeOf = async (...servers: string[]) => {
    const answer = await upstream.forward(QUERY, servers, 'udp');
    return answer && responseCode(answer);
  };
  assert.equal(await codeOf('127.0.0.1', '127.0.0.2', '127.0.0.3'), 3);
  assert.equal(await codeOf('127.0.0.4', '127.0.0.3'), 3);
  assert.equal(await codeOf('127.0.0.3', '127.0.0.1'), 3);
  assert.equal(await codeOf('127.0.0.1', '127.0.0.4'), 2);
  assert.equal(await codeOf('127.0.0.4'), undefined);
  assert.equal(await codeOf(), undefined);
});

test('a server that is not there costs no timeout', async (context) => {
  stopClock(context);
  await using server = await serveUdp({ '127.0.0.2': answerWith(0) });
  const upstream = new Upstream({ port: server.port });
  assert.ok(await upstream.forward(QUERY, ['127.0.0.9', '127.0.0.2'], 'udp'));
});

test('a forged answer with another id is not taken, the one behind it is', async (context) => {
  stopClock(context);
  await using server = await serveUdp({
    '127.0.0.1': (query) => {
      const forged = Buffer.from(answerWith(0)(query)[0] ?? []);
      forged.writeUInt16BE(forged.readUInt16BE(0) ^ 1, 0);
      return [forged, ...answerWith(3)(query)];
    },
  });
  const answer = await new Upstream({ port: server.port }).forward(QUERY, ['127.0.0.1'], 'udp');
  assert.equal(answer && responseCode(answer), 3);
});

test('over TCP, in pieces', async () => {
  const server = createServer((connection) => {
    const frames = new DnsFrames();
    connection.on('data', (chunk) => {
      for (const query of frames.push(Buffer.from(chunk))) {
        const framed = frameDns(answerWith(0)(query)[0] ?? Buffer.alloc(0));
        connection.write(framed.subarray(0, 1));
        // So that the pieces come apart, which no event tells.
        setTimeout(() => connection.end(framed.subarray(1)), 20);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const answer = await new Upstream({ port: address.port, timeoutMs: 60_000 }).forward(
    QUERY,
    ['127.0.0.1'],
    'tcp',
  );
  assert.equal(answer?.readUInt16BE(0), 0x1234);
  server.close();
});

test('frames come out whole however they arrive', () => {
  const messages = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(1000, 7)];
  const stream = Buffer.concat(messages.map(frameDns));
  for (const size of [1, 3, 7, 5000]) {
    const frames = new DnsFrames();
    const out: Buffer[] = [];
    for (let i = 0; i < stream.length; i += size) out.push(...frames.push(stream.subarray(i, i + size)));
    assert.deepEqual(out, messages);
  }
});
