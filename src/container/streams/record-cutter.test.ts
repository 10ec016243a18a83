import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordCutter } from './record-cutter.ts';

function cut(chunks: readonly string[], flush = true): readonly string[] {
  const records: string[] = [];
  const cutter = new RecordCutter('stdout', ({ data, partial }) =>
    records.push(partial ? `${data.toString()}…` : data.toString()),
  );
  for (const chunk of chunks) cutter.push(Buffer.from(chunk));
  if (flush) cutter.flush();
  return records;
}

test('records end where lines end, and every byte is in one', () => {
  assert.deepEqual(cut(['a\nb\n']), ['a\nb\n']);
  assert.deepEqual(cut(['a\nb', 'c\nd\ne']), ['a\n', 'bc\n', 'd\n', 'e…']);
  assert.deepEqual(cut(['a', 'b', 'c\n']), ['abc\n']);
  assert.deepEqual(cut(['\n', '\n']), ['\n', '\n']);
  assert.deepEqual(cut(['a'], false), []);
  assert.deepEqual(cut([]), []);
});

test('a line that does not end does not grow in memory', () => {
  const piece = 'x'.repeat(40_000);
  assert.deepEqual(cut([piece, piece, 'y\n']), [`${piece}…`, `${piece}…`, 'y\n']);
});

test('what waits for its end too long is written as far as it goes', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const cutter = new RecordCutter('stdout', ({ data, partial }) => resolve(`${data.toString()} ${partial}`));
  cutter.push(Buffer.from('prompt> '));
  const keepAlive = setTimeout(() => resolve('nothing came'), 120_000);
  assert.equal(await promise, 'prompt>  true');
  clearTimeout(keepAlive);
});
