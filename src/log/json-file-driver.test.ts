import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { until } from '#base/testing.ts';
import { formatTimestamp } from '#base/timestamps.ts';
import { JsonEncoder } from './json-encoder.ts';
import { jsonFileDriver } from './json-file-driver.ts';
import type { ContainerLog, LogRecord } from './log.ts';
import { parseTimestamp } from './parse-timestamp.ts';

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync('/tmp/caisson-json-');
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function encode(data: Buffer | string, attributes?: Record<string, string>): string {
  const record: LogRecord = {
    stream: 'stdout',
    timeNs: parseTimestamp('2026-11-24T08:59:19.48647763Z') ?? 0n,
    data: Buffer.from(data),
    partial: false,
  };
  let text = '';
  new JsonEncoder(attributes).encode(record, (entries) => (text += entries.toString()));
  return text;
}

async function readText(log: ContainerLog): Promise<string> {
  const pieces = [];
  for await (const { data } of log.read({ streams: ['stdout'], follow: false, perLine: true }))
    pieces.push(data);
  return Buffer.concat(pieces).toString();
}

/** A decoder may count several invalid bytes as one; Go, and so Docker, does not. */
function withoutReplacements(text: string): string {
  return text.replaceAll('\ufffd', '');
}

test('writes what dockerd writes, byte for byte', () => {
  const line = Buffer.concat([
    Buffer.from('hi <>&\'"\\ \u0001\x7f\b\f\t \u2028 '),
    Buffer.from([0xff, 0xc3, 0x20]),
    Buffer.from('é\n'),
  ]);
  assert.equal(
    encode(line, { tag: 'x', a: 'b', E: '1' }),
    '{"log":"hi \\u003c\\u003e\\u0026\'\\"\\\\ \\u0001\x7f\\u0008\\u000c\\u0009 \\u2028 \\ufffd\\ufffd é\\n",' +
      '"stream":"stdout","attrs":{"E":"1","a":"b","tag":"x"},"time":"2026-11-24T08:59:19.48647763Z"}\n',
  );
  assert.equal(
    encode('a\r\nb'),
    '{"log":"a\\r\\n","stream":"stdout","time":"2026-11-24T08:59:19.48647763Z"}\n' +
      '{"log":"b","stream":"stdout","time":"2026-11-24T08:59:19.48647763Z"}\n',
  );
});

test('decodes any bytes that were valid text, and replaces what was not', async (t) => {
  const bytes = Buffer.from(
    Array.from({ length: 20_000 }, (_, index) => (index * 7919 + (index >> 3)) & 0xff),
  );
  const directory = makeDirectory(t);
  const log = jsonFileDriver.open({ containerId: 'x', directory, options: {} });
  using writer = log.openWriter();
  writer.append({ stream: 'stdout', timeNs: 1n, data: bytes, partial: true });
  for (const line of readFileSync(log.path, 'utf8').trim().split('\n')) JSON.parse(line);
  assert.equal(withoutReplacements(await readText(log)), withoutReplacements(bytes.toString('utf8')));
});

test('reads entries of another shape, and leaves out what is none', async (t) => {
  const directory = makeDirectory(t);
  writeFileSync(
    join(directory, 'x-json.log'),
    [
      '{"stream":"stdout","time":"2026-01-01T00:00:00Z","log":"reordered \\ud83d\\ude00\\n"}',
      'garbage',
      '{"log":"no time\\n","stream":"stdout"}',
      '{"log":"pair \\ud83d\\ude00 \\/ \\b\\f\\n","stream":"stdout","time":"2026-01-01T00:00:00.5+01:00"}',
      '',
    ].join('\n'),
  );
  const log = jsonFileDriver.open({ containerId: 'x', directory, options: {} });
  assert.equal(await readText(log), 'reordered \u{1f600}\npair \u{1f600} / \b\f\n');
});

test('compresses rotated files and reads them back', async (t) => {
  const directory = makeDirectory(t);
  const options = { 'max-size': '2k', 'max-file': '3', compress: 'true' };
  const log = jsonFileDriver.open({ containerId: 'x', directory, options });
  using writer = log.openWriter();
  for (let index = 0; index < 40; index++) {
    const data = Buffer.from(`line ${index}\n`);
    writer.append({ stream: 'stdout', timeNs: BigInt(index), data, partial: false });
  }
  const expected = ['x-json.log', 'x-json.log.1.gz'];
  await until(() => readdirSync(directory).join() === expected.join(), 'the rotated file is compressed');
  assert.equal(await readText(log), Array.from({ length: 40 }, (_, index) => `line ${index}\n`).join(''));
});

test('times', () => {
  for (const text of [
    '2026-11-24T08:59:19.48647763Z',
    '1970-01-01T00:00:00Z',
    '2026-11-24T08:59:19.000000001Z',
  ]) {
    assert.equal(formatTimestamp(parseTimestamp(text) ?? -1n), text);
  }
  assert.equal(parseTimestamp('2026-01-01T00:00:00.5+01:00'), parseTimestamp('2025-12-31T23:00:00.5Z'));
  assert.equal(parseTimestamp('yesterday'), undefined);
});
