import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EngineError } from '#base/errors.ts';
import { silentLogger } from '#base/log.ts';
import { StepFailure } from '#build/step-failure.ts';
import { BytesMessage, Empty } from '#wire/buildkit/common.ts';
import { GrpcClient } from './grpc-client.ts';
import { FrameReader } from './grpc-frames.ts';
import { type Methods, serveGrpc, streaming, unary } from './grpc-server.ts';
import { GrpcError, statusOf } from './grpc-status.ts';

const directory = mkdtempSync('/tmp/caisson-grpc-');
const listener = createServer({ allowHalfOpen: true });

before(async () => {
  listener.listen(join(directory, 'socket'));
  await once(listener, 'listening');
});

after(() => {
  listener.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Pair extends Disposable {
  readonly client: GrpcClient;
  readonly socket: Socket;
}

/** A client of ours and a server of ours, on two ends of a connection. */
async function pairOf(methods: Methods): Promise<Pair> {
  const socket = connect(join(directory, 'socket'));
  const [connection]: Socket[] = await once(listener, 'connection');
  assert.ok(connection);
  serveGrpc(connection, methods, silentLogger);
  return { client: new GrpcClient(socket), socket, [Symbol.dispose]: () => socket.destroy() };
}

const never = new AbortController().signal;
const call = (client: GrpcClient, path: string, data: string, signal = never) =>
  client.call(path, [BytesMessage, BytesMessage], { data: Buffer.from(data) }, signal);

const echo = unary(BytesMessage, BytesMessage, ({ data }) => ({ data }));

test('calls, several at once, of all sizes', async () => {
  using pair = await pairOf({ '/echo': echo });
  const sizes = [0, 1, 16_384, 5_000_000];
  const answers = await Promise.all(sizes.map((size) => call(pair.client, '/echo', 'x'.repeat(size))));
  assert.deepEqual(
    answers.map(({ data }) => data.length),
    sizes,
  );
});

test('errors: the code, the text with all its characters, the lines of the Dockerfile', async () => {
  const source = { name: 'Dockerfile', text: 'FROM bb\nRUN fäil\n' };
  const range = { start: { line: 2, column: 1 }, end: { line: 2, column: 9 } };
  using pair = await pairOf({
    '/fail': unary(BytesMessage, BytesMessage, () => {
      throw new EngineError('invalid', 'no – "100%"\nat all');
    }),
    '/step': unary(BytesMessage, BytesMessage, () => {
      throw new StepFailure('sh -c fäil', 7, { source, ranges: [range] });
    }),
  });
  await assert.rejects(call(pair.client, '/fail', ''), {
    message: 'no – "100%"\nat all',
    status: { code: 2, message: 'no – "100%"\nat all', details: [] },
  });
  await assert.rejects(call(pair.client, '/missing', ''), { code: 'not-implemented' });
  await assert.rejects(call(pair.client, '/step', ''), {
    message: 'process "sh -c fäil" did not complete successfully: exit code: 7',
  });
  const [detail] = statusOf(new StepFailure('x', 7, { source, ranges: [range] })).details;
  assert.equal(detail?.typeUrl, 'github.com/moby/buildkit/errdefs.Source+json');
  const { info, ranges } = JSON.parse(Buffer.from(detail?.value ?? []).toString());
  assert.deepEqual([info.filename, info.language], ['Dockerfile', 'Dockerfile']);
  assert.equal(Buffer.from(info.data, 'base64').toString(), source.text);
  assert.deepEqual(ranges, [{ start: { line: 2, character: 0 }, end: { line: 2, character: 8 } }]);
});

test('a stream is sent no faster than it is read', async () => {
  const total = 64;
  const piece = Buffer.alloc(1 << 20);
  let sent = 0;
  using pair = await pairOf({
    '/echo': echo,
    '/many': streaming(Empty, BytesMessage, async function* () {
      for (; sent < total; sent++) yield { data: piece };
    }),
  });
  using stream = pair.client.open('/many', {}, never);
  await stream.send(Empty.encode({}));
  stream.end();
  const messages = stream.messages();
  await messages.next();
  // The connection has room for several messages each time: what may be sent of the stream goes beside them.
  for (let before = -1; sent > before; ) {
    assert.ok(sent < total / 2, `${sent} sent while 1 was read`);
    before = sent;
    await call(pair.client, '/echo', 'x'.repeat(4 * piece.length));
  }
  let received = 1;
  while (!(await messages.next()).done) received++;
  assert.equal(received, total);
});

test('a call that is cancelled, and a client that is gone, are noticed', async () => {
  for (const leave of ['cancel', 'destroy'] as const) {
    const started = Promise.withResolvers<void>();
    const noticed = Promise.withResolvers<unknown>();
    using pair = await pairOf({
      '/wait': unary(BytesMessage, BytesMessage, async (_, { signal }) => {
        signal.addEventListener('abort', () => noticed.resolve(signal.reason));
        started.resolve();
        await noticed.promise;
        return {};
      }),
    });
    const canceling = new AbortController();
    const answer = assert.rejects(call(pair.client, '/wait', '', canceling.signal), { code: 'aborted' });
    await started.promise;
    if (leave === 'cancel') canceling.abort(new EngineError('aborted', 'enough'));
    else pair.socket.destroy();
    await answer;
    assert.ok(await noticed.promise);
  }
});

test('garbage instead of HTTP/2, and half of it, end the connection and nothing else', async () => {
  const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  for (const bytes of [
    '',
    'GET / HTTP/1.1\r\n\r\n',
    PREFACE.slice(0, 9),
    `${PREFACE}\xff\xff\xff\x07rubbish`,
  ]) {
    const socket = connect(join(directory, 'socket'));
    const [connection]: Socket[] = await once(listener, 'connection');
    assert.ok(connection);
    serveGrpc(connection, { '/echo': echo }, silentLogger);
    socket.resume();
    socket.end(Buffer.from(bytes, 'latin1'));
    await once(socket, 'close');
  }
  using pair = await pairOf({ '/echo': echo });
  using stream = pair.client.open('/echo', {}, never);
  stream.end();
  await assert.rejects(stream.messages().next(), { message: 'Cannot read gRPC message: there is none' });
  assert.equal((await call(pair.client, '/echo', 'fine')).data.length, 4);
});

test('frames in any pieces; what cannot be is refused', () => {
  const frames = Buffer.from('0000000003616263000000000000000000017a', 'hex');
  for (let size = 1; size <= frames.length; size++) {
    const reader = new FrameReader();
    const read: string[] = [];
    for (let offset = 0; offset < frames.length; offset += size)
      for (const message of reader.push(frames.subarray(offset, offset + size)))
        read.push(message.toString());
    assert.deepEqual(read, ['abc', '', 'z']);
    assert.ok(reader.isEmpty);
  }
  assert.throws(() => [...new FrameReader().push(Buffer.from('0100000000', 'hex'))], { code: 'invalid' });
  assert.throws(() => [...new FrameReader().push(Buffer.from('00ffffffff', 'hex'))], { code: 'invalid' });
});

test('every error has a status', () => {
  assert.equal(statusOf(new Error('x')).code, 2);
  assert.equal(statusOf(new EngineError('aborted', 'x')).code, 1);
  const status = { code: 5, message: 'gone', details: [] };
  assert.equal(statusOf(new GrpcError(status)), status);
});
