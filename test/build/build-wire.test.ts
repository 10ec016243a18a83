/** The wire of `caisson build`, from clients that do not behave. */
import assert from 'node:assert/strict';
import { constants as fs } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import type { EngineMessage } from '#wire/build-session.ts';
import { encodeFrameHead, FrameDecoder } from '#wire/frames.ts';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { request } from '../support/http.ts';

let engine: TestDaemon;

before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

const DOCKERFILE = 'FROM bb\nCOPY . /all\n';
const FILE = fs.S_IFREG | 0o644;
const DIRECTORY = fs.S_IFDIR | 0o755;
const LINK = fs.S_IFLNK | 0o777;

type MessageOf<Type extends EngineMessage['type']> = Extract<EngineMessage, { readonly type: Type }>;

/** Speaks frames over a connection of its own. */
class WireClient implements Disposable {
  readonly #socket: Socket;
  readonly #messages: AsyncGenerator<EngineMessage, void>;

  constructor(wanted: object = {}) {
    this.#socket = connect({ path: engine.socket });
    this.#socket.on('error', () => undefined);
    const body = JSON.stringify({ dockerfile: 'Dockerfile', hasDockerfile: true, ...wanted });
    const head = ['POST /caisson/build HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: tcp'];
    const length = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    this.#socket.write(`${head.join('\r\n')}\r\n${length}\r\n\r\n${body}`);
    this.#messages = messagesOf(this.#socket);
  }

  send(message: object, data = ''): void {
    this.raw(Buffer.concat([encodeFrameHead(message, data.length), Buffer.from(data)]));
  }

  /** Sends no more after this. */
  end(bytes: Buffer): void {
    this.#socket.end(bytes);
  }

  raw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next message of a type, whatever comes before it. */
  async next<Type extends EngineMessage['type']>(type: Type): Promise<MessageOf<Type>> {
    for (let next = await this.#messages.next(); !next.done; next = await this.#messages.next())
      if (isOf(next.value, type)) return next.value;
    throw new Error(`the engine closed the connection without ${type}`);
  }

  /** Answers for the Dockerfile and the ignore file; the context is the test's to answer. */
  async untilContext(dockerfile = DOCKERFILE): Promise<number> {
    for (;;) {
      const { id, query } = await this.next('list');
      if (query.directory === 'dockerfile') await this.#sendDockerfile(id, dockerfile);
      else if (query.followPaths.includes('.dockerignore')) this.send({ type: 'end', id });
      else return id;
    }
  }

  async #sendDockerfile(id: number, dockerfile: string): Promise<void> {
    this.send({ type: 'entries', id, entries: [['Dockerfile', FILE, dockerfile.length, 0, 0]] });
    this.send({ type: 'end', id });
    await this.next('want');
    this.send({ type: 'content', id, position: 0, last: true }, dockerfile);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

async function* messagesOf(socket: Socket): AsyncGenerator<EngineMessage, void> {
  const decoder = new FrameDecoder();
  let head: Buffer | undefined = Buffer.alloc(0);
  const chunks: AsyncIterable<Buffer> = socket;
  for await (const chunk of chunks) {
    let bytes = chunk;
    if (head) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) continue;
      assert.match(head.toString('latin1'), /^HTTP\/1\.1 101 /);
      bytes = head.subarray(end + 4);
      head = undefined;
    }
    for (const { head: message } of decoder.push(bytes)) {
      assertMessage(message);
      yield message;
    }
  }
}

function assertMessage(message: unknown): asserts message is EngineMessage {
  assert.ok(typeof message === 'object' && message !== null && 'type' in message);
}

function isOf<Type extends EngineMessage['type']>(
  message: EngineMessage,
  type: Type,
): message is MessageOf<Type> {
  return message.type === type;
}

async function failureOf(client: WireClient): Promise<string> {
  const { failure } = await client.next('failed');
  return failure.message;
}

/** @throws {Error} where it fails */
async function untilBuilt(client: WireClient): Promise<string | undefined> {
  for (;;) {
    const { event } = await client.next('event');
    if (event.type === 'built') return event.id;
  }
}

test('a client that is honest builds', async () => {
  using client = new WireClient();
  const id = await client.untilContext();
  client.send({ type: 'entries', id, entries: [['a', FILE, 3, 0, 0]] });
  client.send({ type: 'end', id });
  assert.deepEqual((await client.next('want')).positions, [0]);
  client.send({ type: 'content', id, position: 0, last: false }, 'on');
  client.send({ type: 'content', id, position: 0, last: true }, 'e');
  assert.match((await untilBuilt(client)) ?? '', /^sha256:[0-9a-f]{64}$/);
});

test('requests that are none are answered before the connection is taken over', async () => {
  const cases: readonly (readonly [body: object, status: number])[] = [
    [{ outputs: [{ type: 'nonsense' }] }, 400],
    [{ platforms: 3 }, 400],
    [{ dockerfile: 'Dockerfile' }, 400],
  ];
  for (const [body, status] of cases) {
    const answer = await request(engine.socket, 'POST', '/caisson/build', body);
    assert.equal(answer.status, status, answer.body);
  }
});

test('files that cannot be are refused', async () => {
  const cases: readonly (readonly unknown[])[] = [
    ['../out', FILE, 0, 0, 0],
    ['a/../../out', FILE, 0, 0, 0],
    ['..', DIRECTORY, 0, 0, 0],
    ['.', DIRECTORY, 0, 0, 0],
    ['a/', FILE, 0, 0, 0],
    ['/etc/passwd', FILE, 0, 0, 0],
    ['nul\u0000', FILE, 0, 0, 0],
    ['n'.repeat(300), FILE, 0, 0, 0],
    ['d/'.repeat(3000) + 'deep', FILE, 0, 0, 0],
    ['a', FILE, -1, 0, 0],
    ['twin', FILE, 0, 0, 0, 'nothing'],
    ['twin', FILE, 0, 0, 0, '../../etc/passwd'],
    ['link', LINK, 0, 0, 0, ''],
    ['link', LINK, 0, 0, 0, `x\u0000`],
    ['strange', 0, 0, 0, 0],
  ];
  for (const row of cases) {
    using client = new WireClient();
    const id = await client.untilContext();
    client.send({ type: 'entries', id, entries: [row] });
    client.send({ type: 'end', id });
    assert.match(await failureOf(client), /^Cannot receive /, JSON.stringify(row).slice(0, 100));
  }
});

test('names that come twice, and what lies below something that is no directory', async () => {
  const cases: readonly (readonly (readonly unknown[])[])[] = [
    [
      ['a', FILE, 0, 0, 0],
      ['a', FILE, 0, 0, 0],
    ],
    [
      ['a', FILE, 0, 0, 0],
      ['a', DIRECTORY, 0, 0, 0],
    ],
    [
      ['a', FILE, 0, 0, 0],
      ['a/b', FILE, 0, 0, 0],
    ],
    [
      ['a', LINK, 0, 0, 0, '/etc'],
      ['a/passwd', FILE, 0, 0, 0],
    ],
    // The same bytes, written in another way.
    [
      ['\u00e9', FILE, 0, 0, 0],
      ['\udcc3\udca9', FILE, 0, 0, 0],
    ],
  ];
  for (const entries of cases) {
    using client = new WireClient();
    const id = await client.untilContext();
    client.send({ type: 'entries', id, entries });
    client.send({ type: 'end', id });
    assert.match(
      await failureOf(client),
      /^Cannot receive .*(?:twice|below something)/,
      JSON.stringify(entries),
    );
  }
});

test('links that lead out lead nowhere', async () => {
  const dockerfile = 'FROM bb\nCOPY out/passwd up/etc/passwd /all/\n';
  using client = new WireClient();
  const id = await client.untilContext(dockerfile);
  const entries = [
    ['out', LINK, 0, 0, 0, '/etc'],
    ['up', LINK, 0, 0, 0, '../../../../..'],
  ];
  client.send({ type: 'entries', id, entries });
  client.send({ type: 'end', id });
  assert.match(await failureOf(client), /failed to calculate checksum: "\/\S+": not found/);
});

test('contents that are shorter or longer than was told', async () => {
  const dockerfile = 'FROM bb\nCOPY . /all\nRUN test $(cat /all/short /all/long) = shortabc\n';
  using client = new WireClient();
  const id = await client.untilContext(dockerfile);
  const entries = [
    ['long', FILE, 3, 0, 0],
    ['short', FILE, 1000, 0, 0],
  ];
  client.send({ type: 'entries', id, entries });
  client.send({ type: 'end', id });
  await client.next('want');
  client.send({ type: 'content', id, position: 0, last: false }, 'abcdef'.repeat(1000));
  client.send({ type: 'content', id, position: 0, last: true }, 'ghi');
  client.send({ type: 'content', id, position: 1, last: true }, 'short');
  await untilBuilt(client);
});

test('what the client cannot do fails the build with its words', async () => {
  using client = new WireClient();
  const id = await client.untilContext();
  client.send({ type: 'error', id, message: 'Cannot read a: EACCES' });
  assert.equal(await failureOf(client), 'Cannot read a: EACCES');
});

test('bytes that are no frames, and messages that were not asked for, end the connection and nothing else', async () => {
  const malformed = Buffer.from([0, 0, 0, 2, 0, 0, 0, 0, 0x7b, 0x7b]);
  const attacks: readonly ((client: WireClient, id: number) => void)[] = [
    (client) => client.raw(Buffer.alloc(64, 0xff)),
    (client) => client.raw(malformed),
    (client) => client.send({ type: 'unknown', id: 1 }),
    (client) => client.send({ type: 'content', id: 'x' }),
    (client, id) => client.send({ type: 'content', id, position: 7, last: false }, 'data'),
    (client, id) => client.send({ type: 'answer', id, found: true }),
    (client, id) => client.send({ type: 'entries', id, entries: [[1, 2]] }),
    (client, id) =>
      client.send({ type: 'entries', id, entries: [['a', FILE, 0, 0, 0, '', 0, 0, 0, 0, 'x']] }),
    (client, id) =>
      client.send({ type: 'entries', id, entries: [['a', FILE, 0, 0, 0, '', 0, 0, 0, 0, { u: 1 }]] }),
    (client, id) => client.send({ type: 'entries', id, entries: 'none' }),
    // Contents before anything was asked for, and an end in the middle of a frame.
    (client, id) => client.send({ type: 'content', id, position: 0, last: true }, 'early'),
    (client) => client.end(encodeFrameHead({ type: 'data', id: 1 }, 1000).subarray(0, 20)),
  ];
  for (const attack of attacks) {
    using client = new WireClient();
    attack(client, await client.untilContext());
    await assert.rejects(client.next('failed').then(() => client.next('failed')));
  }
  const answer = await request(engine.socket, 'GET', '/_ping');
  assert.equal(answer.status, 200);
  assert.doesNotMatch(engine.log(), /level=error|Unhandled/);
});
