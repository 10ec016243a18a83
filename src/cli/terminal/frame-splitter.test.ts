import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrameHeader } from '#wire/stdcopy.ts';
import { FrameSplitter } from './frame-splitter.ts';

function frames(...parts: readonly (readonly ['stdout' | 'stderr', string])[]): Buffer {
  return Buffer.concat(
    parts.flatMap(([stream, text]) => [encodeFrameHeader(stream, text.length), Buffer.from(text)]),
  );
}

function split(chunks: readonly Buffer[]): readonly (readonly [string, string])[] {
  const written: [string, string][] = [];
  const splitter = new FrameSplitter((stream, data) => written.push([stream, data.toString()]));
  for (const chunk of chunks) splitter.feed(Buffer.from(chunk));
  return written;
}

test('neighbouring frames of one stream are written at once, in order', () => {
  const stream = frames(
    ['stdout', 'a'],
    ['stdout', 'bc'],
    ['stderr', 'X'],
    ['stdout', ''],
    ['stdout', 'd'],
    ['stderr', 'Y'],
  );
  assert.deepEqual(split([stream]), [
    ['stdout', 'abc'],
    ['stderr', 'X'],
    ['stdout', 'd'],
    ['stderr', 'Y'],
  ]);
});

test('frames may be cut anywhere', () => {
  const stream = frames(['stdout', 'hello'], ['stderr', 'oh'], ['stdout', 'world!']);
  for (let size = 1; size < stream.length; size++) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
    const written = split(chunks);
    const of = (wanted: string) =>
      written
        .filter(([name]) => name === wanted)
        .map(([, text]) => text)
        .join('');
    assert.deepEqual([of('stdout'), of('stderr')], ['helloworld!', 'oh'], `cut every ${size} bytes`);
  }
});

test('what is no such stream is refused', () => {
  assert.throws(() => split([Buffer.from('HTTP/1.1 200 OK')]), RangeError);
});
