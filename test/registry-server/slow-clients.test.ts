import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf, Served } from './served.ts';

const CONTENT = randomBytes(20_000_000);

describe('slow and vanishing clients', () => {
  let served: Served;
  let path = '';
  before(async () => {
    served = await Served.start({ limits: { connectionIdleMs: 1000 } });
    path = `/v2/slow/blobs/${await served.pushBlob('slow', CONTENT)}`;
  });
  after(() => served[Symbol.asyncDispose]());

  const ask = (): Socket => {
    const socket = connect(served.registry.port, '127.0.0.1');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket;
  };

  it('are sent what they take, and longer than they may be idle', async () => {
    const socket = ask();
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk);
      length += chunk.length;
      await sleep(2);
      if (length >= CONTENT.length + 200) break;
    }
    const answer = Buffer.concat(chunks);
    const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
    assert.equal(digestOf(body), digestOf(CONTENT));
    // The connection is as good as before.
    socket.write(`HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [head] = await once(socket, 'data');
    assert.match(String(head), /^HTTP\/1\.1 200 OK/);
    socket.destroy();
  });

  it('are cut off when they take nothing, and leave no descriptor', async () => {
    await sleep(1500);
    const before = openDescriptors();
    const stalled = Array.from({ length: 5 }, ask);
    for (const socket of stalled) socket.pause();
    const vanishing = Array.from({ length: 5 }, ask);
    await sleep(100);
    for (const socket of vanishing) socket.destroy();
    // Their own ends stay open for now.
    await untilDescriptors(before + stalled.length + 1);
    for (const socket of stalled) socket.destroy();
    await untilDescriptors(before + 1);
    await served.expect(200, 'HEAD', path);
  });
});

async function untilDescriptors(count: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (openDescriptors() > count && Date.now() < deadline) await sleep(50);
  assert.ok(openDescriptors() <= count, `${openDescriptors()} descriptors instead of ${count}`);
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
