import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '#base/testing.ts';
import { digestOf, Served } from './served.ts';

const CONTENT = randomBytes(20_000_000);
/** Client and server share an event loop: what holds it up is no silence of the client. */
const IDLE_MS = 5000;
/** What a client takes at a time: enough for the kernel to have room for more, as it holds some megabytes. */
const SIP_BYTES = 3_000_000;

interface Setting extends AsyncDisposable {
  readonly served: Served;
  readonly path: string;
  readonly ask: () => Socket;
}

async function setting(): Promise<Setting> {
  await using stack = new AsyncDisposableStack();
  const patient = stack.use(await Served.start());
  const path = `/v2/slow/blobs/${await patient.pushBlob('slow', CONTENT)}`;
  await patient.registry[Symbol.asyncDispose]();
  const limits = { connectionIdleMs: IDLE_MS };
  const served = stack.use(await Served.start({ root: patient.root, limits }));
  const ask = (): Socket => {
    const socket = connect(served.registry.port, '127.0.0.1');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket;
  };
  const resources = stack.move();
  return { served, path, ask, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

describe('slow and vanishing clients', () => {
  it('are sent what they take, and longer than they may be idle', async () => {
    await using s = await setting();
    const socket = s.ask();
    const startedMs = performance.now();
    const chunks: Buffer[] = [];
    let length = 0;
    let restsAt = SIP_BYTES;
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= CONTENT.length + 200) break;
      if (length < restsAt) continue;
      // A client that rests, and never as long as it may; how long it takes altogether is the subject.
      await sleep(IDLE_MS / 3);
      restsAt += SIP_BYTES;
    }
    assert.ok(performance.now() - startedMs > IDLE_MS, 'too fast to show anything');
    const answer = Buffer.concat(chunks);
    const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
    assert.equal(digestOf(body), digestOf(CONTENT));
    // The connection is as good as before.
    socket.write(`HEAD ${s.path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [head] = await once(socket, 'data');
    assert.match(String(head), /^HTTP\/1\.1 200 OK/);
    socket.destroy();
  });

  it('are cut off when they take nothing, and leave no descriptor', async () => {
    await using s = await setting();
    const before = openDescriptors(s.served);
    const clients = Array.from({ length: 10 }, s.ask);
    const [stalled, vanishing] = [clients.slice(0, 5), clients.slice(5)];
    // The client stops reading once the beginning of the answer is there.
    await Promise.all(clients.map((socket) => once(socket, 'readable')));
    for (const socket of vanishing) socket.destroy();
    // Their own ends stay open for now.
    await untilDescriptors(s.served, before + stalled.length);
    for (const socket of stalled) socket.destroy();
    await untilDescriptors(s.served, before);
    await s.served.expect(200, 'HEAD', s.path);
  });

  it('wait for others with their bodies only as long as nothing newer is asked for', async () => {
    await using served = await Served.start();
    using sockets = new DisposableStack();
    const paths = await Promise.all(Array.from({ length: BODIES_AT_ONCE + 1 }, () => newUpload(served)));
    for (const path of paths) {
      const socket = connect(served.registry.port, '127.0.0.1');
      sockets.defer(() => socket.destroy());
      socket.write(`PATCH ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n`);
      assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 100 /);
    }
    // The last of them has to wait until another's body is complete, which none will be.
    await served.expect(204, 'GET', paths.at(-1) ?? '', { signal: AbortSignal.timeout(120_000) });
  });
});

/** Bodies that a registry receives at the same time. */
const BODIES_AT_ONCE = 64;

async function newUpload(served: Served): Promise<string> {
  const { headers } = await served.expect(202, 'POST', '/v2/slow/blobs/uploads/');
  return headers.get('location') ?? assert.fail('no place to upload to');
}

async function untilDescriptors(served: Served, count: number): Promise<void> {
  await until(
    () => openDescriptors(served) <= count,
    () => `${openDescriptors(served)} descriptors, ${count} wanted`,
  );
}

/** Sockets, and blobs of the registry. */
function openDescriptors({ root }: Served): number {
  return readdirSync('/proc/self/fd')
    .map(targetOf)
    .filter((target) => target.startsWith('socket:') || target.startsWith(`${root}/blobs/`)).length;
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // It was that of the listing itself.
    return '';
  }
}
