import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stat, Timestamp, timestamp } from './common.ts';
import { PongResponse, Result } from './gateway.ts';
import { SolveRequest, StatusRequest, StatusResponse } from './control.ts';
import { bigint64, blobs, int64, list, map, message, sub, text, textMap, texts } from './message.ts';
import { Packet } from './session.ts';

/** As Debian's buildx sent them. */
const FROM_BUILDX = {
  status: '0a1971743931393866696334386b6b3672616c7a69676f336a3162',
  stat: '121e0a0d2e646f636b657269676e6f726510a403280630fba6e8fa948ebaf518',
  request: '0801',
  contents: '080222062a2e6c6f670a',
  end: '0803',
} as const;

test('messages of a real client', () => {
  const status = StatusRequest.decode(Buffer.from(FROM_BUILDX.status, 'hex'));
  assert.deepEqual(status, { Ref: 'qt9198fic48kk6ralzigo3j1b' });
  const { type, stat } = Packet.decode(Buffer.from(FROM_BUILDX.stat, 'hex'));
  assert.equal(type, 0);
  assert.equal(stat?.path, '.dockerignore');
  assert.equal(stat?.mode, 0o644);
  assert.equal(stat?.size, 6);
  const contents = Packet.decode(Buffer.from(FROM_BUILDX.contents, 'hex'));
  assert.equal(Buffer.from(contents.data).toString(), '*.log\n');
});

test('what is sent is what a real daemon sends', () => {
  assert.equal(Buffer.from(Packet.encode({ type: 1 })).toString('hex'), FROM_BUILDX.request);
  assert.equal(Buffer.from(Packet.encode({ type: 3 })).toString('hex'), FROM_BUILDX.end);
});

const Everything = message({
  name: text(1),
  names: texts(2),
  big: bigint64(3),
  size: int64(4),
  attributes: textMap(5),
  inner: sub(6, Timestamp),
  inners: list(7, Timestamp),
  byName: map(8, sub(2, Timestamp)),
  pieces: blobs(9),
});

test('everything that is written is read again', () => {
  const written = {
    name: 'näme',
    names: ['', 'a', ''],
    big: -(2n ** 63n),
    size: Number.MAX_SAFE_INTEGER,
    attributes: { a: '1', '': '', ['__proto__']: 'x' },
    inner: { seconds: -1, nanos: 5 },
    inners: [
      { seconds: 1, nanos: 0 },
      { seconds: 0, nanos: 2 },
    ],
    byName: { x: { seconds: 3, nanos: 4 } },
    pieces: [new Uint8Array([1, 2]), new Uint8Array(0)],
  };
  const read = Everything.decode(Everything.encode(written));
  assert.deepEqual(
    { ...read, attributes: new Map(read.attributes), pieces: read.pieces.map((piece) => [...piece]) },
    {
      ...written,
      attributes: new Map(Object.entries(written.attributes)),
      byName: new Map(Object.entries(written.byName)),
      pieces: [[1, 2], []],
    },
  );
});

test('what is absent has the value of proto3, and lists of two messages are two lists', () => {
  const first = Everything.decode(new Uint8Array(0));
  assert.deepEqual(first.names, []);
  assert.equal(first.inner, undefined);
  Everything.decode(Everything.encode({ names: ['x'], attributes: { a: 'b' } }));
  assert.deepEqual(Everything.decode(new Uint8Array(0)), first);
  assert.deepEqual(first.attributes, new Map());
});

test('unknown fields are left out', () => {
  const newer = message({ Ref: text(1), more: texts(77), number: int64(78), deep: sub(79, Timestamp) });
  const bytes = newer.encode({ Ref: 'r', more: ['x'], number: 7, deep: { seconds: 1, nanos: 1 } });
  assert.deepEqual(StatusRequest.decode(bytes), { Ref: 'r' });
});

test('damaged messages are refused', () => {
  for (const hex of ['0a', '0aff', '08', 'ffffffffffffffffffffff', '0a05616263', '07'])
    assert.throws(() => Stat.decode(Buffer.from(hex, 'hex')), Error, hex);
});

test('times keep their milliseconds', () => {
  assert.deepEqual(timestamp(1_700_000_000_123), { seconds: 1_700_000_000, nanos: 123_000_000 });
  const { started } = StatusResponse.decode(
    StatusResponse.encode({ vertexes: [{ digest: 'd', started: timestamp(1500) }] }),
  ).vertexes[0] ?? { started: undefined };
  assert.deepEqual(started, { seconds: 1, nanos: 500_000_000 });
});

test('nested maps and messages', () => {
  const result = Result.encode({ ref: { id: 'r' }, metadata: { 'result.json': Buffer.from('{}') } });
  assert.equal(Buffer.from(Result.decode(result).metadata.get('result.json') ?? []).toString(), '{}');
  const pong = PongResponse.decode(
    PongResponse.encode({ FrontendAPICaps: [{ ID: 'return', Enabled: true }] }),
  );
  assert.deepEqual(pong.FrontendAPICaps, [{ ID: 'return', Enabled: true }]);
  const solve = SolveRequest.encode({ Exporters: [{ Type: 'moby', Attrs: { name: 'a:1' } }] });
  assert.equal(SolveRequest.decode(solve).Exporters[0]?.Attrs.get('name'), 'a:1');
});
