import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import type { FileEntry } from '#build/session/build-session.ts';
import {
  Packet,
  PACKET_DATA,
  PACKET_END,
  PACKET_ERROR,
  PACKET_REQUEST,
  PACKET_STAT,
  type PacketInput,
} from '#wire/buildkit/session.ts';
import { toGoFileMode } from '#base/go-file-mode.ts';
import { ClientSession } from './client-session.ts';
import { GrpcClient } from './grpc-client.ts';
import { FrameWriter, messagesOf } from './grpc-frames.ts';

const directory = mkdtempSync('/tmp/caisson-transfer-');
const listener = createServer();

before(async () => {
  listener.listen(join(directory, 'socket'));
  await once(listener, 'listening');
});

after(() => {
  listener.close();
  rmSync(directory, { recursive: true, force: true });
});

type Send = (packet: PacketInput) => Promise<void>;

/** What a client does with a call: its packets come one after the other. */
interface ClientScript {
  readonly begin?: (send: Send) => Promise<void>;
  readonly answer: (packet: ReturnType<typeof Packet.decode>, send: Send) => Promise<void>;
}

interface Opened extends Disposable {
  readonly session: ClientSession;
  readonly headers: Readonly<Record<string, unknown>>[];
}

/** A session with a client that follows the script. */
async function sessionWith(script: ClientScript): Promise<Opened> {
  const socket = connect(join(directory, 'socket'));
  const [connection]: Socket[] = await once(listener, 'connection');
  assert.ok(connection);
  const headers: Record<string, unknown>[] = [];
  performServerHandshake(connection).on('stream', (stream, metadata) => {
    headers.push(metadata);
    // Sessions that are cut off are what some of these tests are about.
    follow(stream, script).catch(() => stream.destroy());
  });
  const session = new ClientSession(new GrpcClient(socket), { methods: new Set(), sharedKey: '' });
  return { session, headers, [Symbol.dispose]: () => socket.destroy() };
}

async function follow(stream: ServerHttp2Stream, { begin, answer }: ClientScript): Promise<void> {
  stream.on('error', () => undefined);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const writer = new FrameWriter(stream);
  const send: Send = async (packet) => await writer.write(Packet.encode(packet));
  await begin?.(send);
  for await (const message of messagesOf(stream)) await answer(Packet.decode(message), send);
  stream.end();
}

const never = new AbortController().signal;
const QUERY = { directory: 'context', followPaths: [], includePatterns: [], excludePatterns: [] };
const REGULAR = toGoFileMode(0o100644);

/** Sends these names, and answers every request with the name of the file. */
function filesOf(names: readonly string[], size = 3): ClientScript {
  return {
    begin: async (send) => {
      for (const path of names) await send({ type: PACKET_STAT, stat: { path, mode: REGULAR, size } });
      await send({ type: PACKET_STAT });
    },
    answer: async ({ type, ID }, send) => {
      if (type === PACKET_END) return await send({ type: PACKET_END });
      assert.equal(type, PACKET_REQUEST);
      await send({ type: PACKET_DATA, ID, data: Buffer.from(names[ID] ?? '') });
      await send({ type: PACKET_DATA, ID });
    },
  };
}

test('entries, then contents, in another order than they come', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `f${index}`);
  using opened = await sessionWith(filesOf(names, 4));
  const query = { ...QUERY, followPaths: ['a', 'ä b'], excludePatterns: ['*.log', '!x'] };
  await using transfer = opened.session.openFiles(query, never);
  const entries = await Array.fromAsync(transfer.entries());
  assert.deepEqual(
    entries.map(({ path }) => path),
    names,
  );
  assert.equal(entries[0]?.mode, 0o100644);
  const contents = names.map((_, position) => transfer.contents(position)[Symbol.asyncIterator]());
  // Asked for at once, read from the last to the first.
  const firsts = await Promise.all(contents.map((each) => each.next()));
  assert.equal(String(firsts[299]?.value), 'f299');
  for (const each of contents.toReversed()) assert.equal((await each.next()).done, true);
  await transfer.finish();
  const [headers] = opened.headers;
  assert.equal(headers?.['dir-name'], 'context');
  assert.equal(headers?.['exclude-patterns'], '*.log, !x');
  assert.equal(headers?.['followpaths-encoded'], '1');
});

test('contents are asked for before any is read', async () => {
  const names = ['one', 'two', 'six'];
  const asked: number[] = [];
  const { begin, answer } = filesOf(names);
  using opened = await sessionWith({
    ...(begin && { begin }),
    answer: async (packet, send) => {
      if (packet.type !== PACKET_REQUEST) return await answer(packet, send);
      if (asked.push(packet.ID) < names.length) return;
      for (const ID of asked) await answer({ ...packet, ID }, send);
    },
  });
  await using transfer = opened.session.openFiles(QUERY, never);
  const entries = await Array.fromAsync(transfer.entries());
  const contents = entries.map((_, position) => transfer.contents(position));
  for (const [position, each] of contents.entries())
    assert.equal(String(Buffer.concat(await Array.fromAsync(each))), names[position]);
  await transfer.finish();
});

test('of a file that has grown, what the client told of comes', async () => {
  using opened = await sessionWith(filesOf(['three', 'six']));
  await using transfer = opened.session.openFiles(QUERY, never);
  await Array.fromAsync(transfer.entries());
  const [first, second] = [transfer.contents(0), transfer.contents(1)];
  assert.equal(String(Buffer.concat(await Array.fromAsync(first))), 'thr');
  assert.equal(String(Buffer.concat(await Array.fromAsync(second))), 'six');
  await transfer.finish();
});

test('names that lead out are refused', async () => {
  for (const path of ['/etc/passwd', '../up', 'a/../../b', 'a//b', 'a/./b', 'a/', 'a\0b']) {
    using opened = await sessionWith(filesOf([path]));
    await using transfer = opened.session.openFiles(QUERY, never);
    await assert.rejects(Array.fromAsync(transfer.entries()), { code: 'invalid' }, path);
  }
});

test('what the client says is wrong, and a client that just stops', async () => {
  const failing = {
    begin: async (send: Send) => await send({ type: PACKET_ERROR, data: Buffer.from('no disk') }),
  };
  using one = await sessionWith({ ...failing, answer: () => Promise.resolve() });
  await using refused = one.session.openFiles(QUERY, never);
  await assert.rejects(Array.fromAsync(refused.entries()), {
    code: 'invalid',
    message: 'error from sender: no disk',
  });
  using other = await sessionWith({ answer: () => Promise.resolve() });
  await using waiting = other.session.openFiles(QUERY, never);
  const entries = assert.rejects(Array.fromAsync(waiting.entries()), { code: 'aborted' });
  other[Symbol.dispose]();
  await entries;
  assert.ok(other.session.closed.aborted);
});

test('a build that is cancelled does not wait for files', async () => {
  const canceling = new AbortController();
  using opened = await sessionWith({ answer: () => Promise.resolve() });
  await using transfer = opened.session.openFiles(QUERY, canceling.signal);
  const entries = assert.rejects(Array.fromAsync(transfer.entries()), { code: 'aborted' });
  canceling.abort();
  await entries;
});

test('a tree is sent, with the contents that the client asks for', async () => {
  const entries = ['a', 'b', 'c'].map(
    (path): FileEntry => ({
      path,
      mode: 0o100600,
      uid: 1,
      gid: 2,
      sizeBytes: 700_000,
      modifiedNs: 5n,
      linkName: '',
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: { 'user.x': Buffer.from('y') },
    }),
  );
  const received: string[] = [];
  const bytes = new Map<number, number>();
  using opened = await sessionWith({
    answer: async ({ type, stat, ID, data }, send) => {
      if (type === PACKET_STAT && stat) {
        received.push(
          `${stat.path} ${stat.mode.toString(8)} ${stat.uid} ${String(stat.xattrs.get('user.x'))}`,
        );
        if (stat.path !== 'b') await send({ type: PACKET_REQUEST, ID: received.length - 1 });
      } else if (type === PACKET_DATA && data.length > 0) bytes.set(ID, (bytes.get(ID) ?? 0) + data.length);
      else if (type === PACKET_DATA && ID === 2) await send({ type: PACKET_END });
    },
  });
  const tree = {
    entries: () => Readable.from(entries),
    contents: () => Readable.from([Buffer.alloc(700_000)]),
  };
  await opened.session.sendTree(0, tree, never);
  assert.deepEqual(received, ['a 600 1 y', 'b 600 1 y', 'c 600 1 y']);
  assert.deepEqual(
    [...bytes],
    [
      [0, 700_000],
      [2, 700_000],
    ],
  );
});
