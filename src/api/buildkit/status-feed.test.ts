import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphEvent } from '#build/build.ts';
import { parseDigest } from '#oci/digest.ts';
import { StatusFeed } from './status-feed.ts';

const vertex = parseDigest(`sha256:${'a'.repeat(64)}`);
const never = new AbortController().signal;

function output(text: string): GraphEvent {
  return { type: 'vertex-output', vertex, atMs: 1, stream: 'stderr', data: Buffer.from(text) };
}

function named(name: string): GraphEvent {
  return { type: 'vertex', vertex: { digest: vertex, inputs: [], name, cached: false, startedAtMs: 1500 } };
}

test('what was told before the first reader comes together; the end ends the stream', async () => {
  const feed = new StatusFeed();
  await feed.tell(named('one'));
  await feed.tell(output('text'));
  feed.end();
  const [only, ...others] = await Array.fromAsync(feed.read(never));
  assert.deepEqual(others, []);
  assert.equal(only?.vertexes?.[0]?.name, 'one');
  assert.deepEqual(only.vertexes[0].started, { seconds: 1, nanos: 500_000_000 });
  assert.equal(only.vertexes[0].completed, undefined);
  assert.equal(only.logs?.[0]?.stream, 2);
});

test('output without a reader does not pile up; steps are told all the same', async () => {
  const feed = new StatusFeed();
  await feed.tell(named('one'));
  for (let count = 0; count < 100; count++) await feed.tell(output('x'.repeat(1 << 20)));
  feed.end();
  const responses = await Array.fromAsync(feed.read(never));
  const bytes = responses
    .flatMap(({ logs = [] }) => logs)
    .reduce((sum, { msg }) => sum + (msg?.length ?? 0), 0);
  assert.ok(bytes <= 9 * 2 ** 20, `${bytes} bytes`);
  assert.equal(responses[0]?.vertexes?.length, 1);
});

test('a slow reader slows the build down; one that leaves does not', async () => {
  const feed = new StatusFeed();
  const leaving = new AbortController();
  const responses = feed.read(leaving.signal);
  const first = responses.next();
  let told = 0;
  const telling = (async () => {
    for (; told < 5000; told++) await feed.tell(output('x'));
  })();
  await first;
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(told < 2000, `${told} told`);
  leaving.abort();
  await telling;
  assert.equal(told, 5000);
});

test('warnings as clients print them', async () => {
  const feed = new StatusFeed();
  const warning = { rule: 'R', message: 'no', file: 'Dockerfile', startLine: 3, endLine: 4 };
  await feed.tell({ type: 'warning', vertex, warning });
  feed.end();
  const [response] = await Array.fromAsync(feed.read(never));
  const [told] = response?.warnings ?? [];
  assert.equal(String(told?.short), 'R: no (line 3)');
  assert.deepEqual(told?.ranges, [{ start: { line: 3 }, end: { line: 4 } }]);
});
