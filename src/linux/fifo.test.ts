import { once } from 'node:events';
import assert from 'node:assert/strict';
import { closeSync, mkdtempDisposableSync, openSync, statSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { openPipe } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { makeFifo, openFifoReader, openFifoWriter, readStream, setPipeSize, writeStream } from './fifo.ts';
import { watchExit } from './process.ts';
import { spawnProcess } from './spawn.ts';

function testFifo() {
  const directory = mkdtempDisposableSync('/tmp/caisson-fifo-');
  const path = join(directory.path, 'f');
  makeFifo(path, 0o600);
  return { path, [Symbol.dispose]: () => directory.remove() };
}

async function collect(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'close');
  return Buffer.concat(chunks).toString();
}

test('a FIFO is created once', () => {
  using fifo = testFifo();
  assert.ok(statSync(fifo.path).isFIFO());
  assert.equal(statSync(fifo.path).mode & 0o777, 0o600);
  assert.throws(
    () => makeFifo(fifo.path),
    (error) => isEngineError(error, 'conflict'),
  );
});

test('what a child writes is read to the end', async () => {
  using fifo = testFifo();
  const reader = openFifoReader(fifo.path);
  assert.equal(setPipeSize(reader, 1 << 20), 1 << 20);
  const writer = openFifoWriter(fifo.path);
  const input = openSync('/dev/null', 'r');
  const args = ['sh', '-c', 'seq 1 20000; exit 5'];
  const pid = spawnProcess({ path: '/bin/sh', args, stdio: [input, writer, writer] });
  closeSync(writer);
  closeSync(input);
  using watch = watchExit(pid);
  const [text, status] = await Promise.all([collect(readStream(reader)), watch.exited]);
  assert.equal(text.split('\n').length, 20001);
  assert.deepEqual(status, { code: 5 });
});

test('a reader that comes back when all writers have gone sees data and end', async () => {
  using fifo = testFifo();
  // The monitor's end, which keeps the data while no daemon reads.
  const keeper = openSync(fifo.path, process.getBuiltinModule('fs').constants.O_RDONLY | 0o4000);
  const writer = openFifoWriter(fifo.path);
  writeSync(writer, 'left behind');
  closeSync(writer);
  assert.equal(await collect(readStream(openFifoReader(fifo.path))), 'left behind');
  assert.equal(await collect(readStream(openFifoReader(fifo.path))), '');
  closeSync(keeper);
});

test("what is written reaches a child's standard input, and its end too", async () => {
  const { reader: input, writer } = openPipe();
  const { reader, writer: output } = openPipe();
  const pid = spawnProcess({ path: '/bin/cat', args: ['cat'], stdio: [input, output, 2] });
  closeSync(input);
  closeSync(output);
  const text = 'x'.repeat(300_000);
  writeStream(writer).end(text);
  using watch = watchExit(pid);
  assert.equal(await collect(readStream(reader)), text);
  assert.deepEqual(await watch.exited, { code: 0 });
});

test('without a reader there is no writer', () => {
  using fifo = testFifo();
  assert.throws(
    () => openFifoWriter(fifo.path),
    (error) => isErrno(error, 'ENXIO'),
  );
});
