import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { until } from '#base/testing.ts';
import { mountTmpfs, unmount } from '#linux/mount.ts';
import { createLogDrivers } from './drivers.ts';
import type { ContainerLog, LogQuery, LogRecord, LogWriter, OutputStream } from './log.ts';

/*
 * What every driver that can be read must do.
 */

const drivers = createLogDrivers();
const ID = 'c'.repeat(64);
const SECOND = 1_000_000_000n;
const START = 1_795_509_777n * SECOND;

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync('/tmp/caisson-log-');
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function openLog(driver: string, directory: string, options: Record<string, string> = {}): ContainerLog {
  const found = drivers.get(driver)!;
  found.validate(options);
  return found.open({ containerId: ID, directory, options });
}

let clock = START;

function append(writer: LogWriter, text: string, stream: OutputStream = 'stdout', timeNs = clock++): void {
  writer.append({ stream, timeNs, data: Buffer.from(text), partial: !text.endsWith('\n') });
}

async function readAll(log: ContainerLog, query: Partial<LogQuery> = {}): Promise<readonly LogRecord[]> {
  const records = [];
  const whole = { streams: ['stdout', 'stderr'], follow: false, perLine: false, ...query } as const;
  for await (const record of log.read(whole)) records.push(record);
  return records;
}

async function readText(log: ContainerLog, query: Partial<LogQuery> = {}): Promise<string> {
  const records = await readAll(log, query);
  return Buffer.concat(records.map(({ data }) => data)).toString();
}

/** Appends lines in records of several; returns all of them. */
function appendLines(writer: LogWriter, from: number, to: number, perRecord = 7): readonly string[] {
  const lines = Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`);
  for (let start = 0; start < lines.length; start += perRecord) {
    append(writer, lines.slice(start, start + perRecord).join(''));
  }
  return lines;
}

for (const driver of ['local', 'json-file']) {
  describe(`the driver ${driver}`, () => {
    test('gives back what was written, in order, with its streams and times', async (t) => {
      const log = openLog(driver, makeDirectory(t));
      using writer = log.openWriter();
      append(writer, 'one\ntwo\n', 'stdout', START + 5n);
      append(writer, 'three\n', 'stderr', START + 6n);
      append(writer, 'quotes " \\ <&> \t\r é \u{1f600} \u2028 \u0001\n', 'stdout', START + 7n);
      const records = await readAll(log);
      assert.deepEqual(
        records.map(({ stream, timeNs, data, partial }) => [stream, timeNs, data.toString(), partial]),
        [
          ['stdout', START + 5n, 'one\ntwo\n', false],
          ['stderr', START + 6n, 'three\n', false],
          ['stdout', START + 7n, 'quotes " \\ <&> \t\r é \u{1f600} \u2028 \u0001\n', false],
        ],
      );
      assert.equal(await readText(log, { streams: ['stderr'] }), 'three\n');
    });

    test('is empty before anything was written', async (t) => {
      const log = openLog(driver, makeDirectory(t));
      assert.deepEqual(await readAll(log), []);
      assert.deepEqual(await readAll(log, { tail: 5, perLine: true, follow: true }), []);
      using _ = log.openWriter();
      assert.deepEqual(await readAll(log, { sinceNs: 1n }), []);
    });

    test('splits lines and joins partial ones on demand', async (t) => {
      const log = openLog(driver, makeDirectory(t));
      using writer = log.openWriter();
      append(writer, 'a\nb');
      append(writer, 'ERR\n', 'stderr');
      append(writer, 'c');
      append(writer, 'd\ne\n');
      append(writer, 'rest');
      const lines = await readAll(log, { perLine: true });
      assert.deepEqual(
        lines.map(({ data, partial }) => [data.toString(), partial]),
        [
          ['a\n', false],
          ['ERR\n', false],
          ['bcd\n', false],
          ['e\n', false],
          ['rest', true],
        ],
      );
      assert.equal(await readText(log, { streams: ['stdout'] }), 'a\nbcd\ne\nrest');
    });

    test('keeps long lines whole', async (t) => {
      const log = openLog(driver, makeDirectory(t));
      using writer = log.openWriter();
      const long = `${'xé'.repeat(50_000)}\n`;
      append(writer, `short\n${long}`);
      append(writer, long.slice(0, 70_000));
      append(writer, long.slice(70_000));
      const lines = await readAll(log, { perLine: true });
      assert.deepEqual(
        lines.map(({ data }) => data.toString() === long),
        [false, true, true],
      );
      assert.equal(await readText(log, { tail: 1 }), long);
    });

    test('finds the last lines across files', async (t) => {
      const directory = makeDirectory(t);
      const log = openLog(driver, directory, { 'max-size': '2k', 'max-file': '50' });
      using writer = log.openWriter();
      const lines = appendLines(writer, 0, 500);
      assert.ok(readdirSync(directory).length >= 3);
      for (const tail of [0, 1, 2, 6, 7, 8, 50, 499, 500, 501, 10_000]) {
        const expected = tail === 0 ? '' : lines.slice(-tail).join('');
        assert.equal(await readText(log, { tail }), expected, `tail ${tail}`);
        assert.equal((await readAll(log, { tail, perLine: true })).length, Math.min(tail, 500));
      }
      append(writer, 'unfini');
      append(writer, 'shed');
      assert.equal(await readText(log, { tail: 1 }), 'unfinished');
      assert.equal(await readText(log, { tail: 2 }), 'line 499\nunfinished');
    });

    test('finds times', async (t) => {
      const log = openLog(driver, makeDirectory(t), { 'max-size': '2k', 'max-file': '50' });
      using writer = log.openWriter();
      for (let second = 0; second < 300; second++) {
        append(writer, `second ${second}\n`, 'stdout', START + BigInt(second) * SECOND);
      }
      for (const from of [0, 1, 17, 150, 299]) {
        const sinceNs = START + BigInt(from) * SECOND;
        const lines = (await readText(log, { sinceNs, untilNs: sinceNs + 2n * SECOND })).trim().split('\n');
        const expected = [from, from + 1, from + 2].filter((second) => second < 300);
        assert.deepEqual(
          lines,
          expected.map((second) => `second ${second}`),
        );
      }
      assert.equal(await readText(log, { sinceNs: START + 1000n * SECOND }), '');
      assert.equal(await readText(log, { untilNs: START - 1n }), '');
    });

    test('is followed from the end or from the beginning until the writer is closed', async (t) => {
      const log = openLog(driver, makeDirectory(t));
      const writer = log.openWriter();
      append(writer, 'before\n');
      const all = readText(log, { follow: true });
      const fresh = readText(log, { follow: true, tail: 0 });
      const lines = readAll(log, { follow: true, perLine: true });
      for (let round = 0; round < 50; round++) {
        append(writer, `round ${round}\n`);
        if (round % 10 === 0) await setImmediate();
      }
      writer[Symbol.dispose]();
      assert.match(await all, /^before\nround 0\n/);
      assert.match(await all, /round 49\n$/);
      assert.equal((await lines).length, 51);
      assert.ok(!(await fresh).includes('before'));
      assert.match(await fresh, /round 49\n$/);
    });

    test('a follower goes through rotations, and ends when it is aborted', async (t) => {
      const log = openLog(driver, makeDirectory(t), { 'max-size': '1k', 'max-file': '200' });
      using writer = log.openWriter();
      const abort = new AbortController();
      let text = '';
      const following = (async () => {
        const query = { streams: ['stdout'], follow: true, perLine: false, signal: abort.signal } as const;
        for await (const record of log.read(query)) text += record.data.toString();
      })();
      const lines: string[] = [];
      for (let round = 0; round < 40; round++) {
        lines.push(...appendLines(writer, round * 20, round * 20 + 20));
        if (round % 3 === 0) await setImmediate();
      }
      const expected = lines.join('');
      await until(() => text.length >= expected.length, 'the follower has everything');
      abort.abort();
      await following;
      assert.equal(text, expected);
    });

    test('stays within its bounds', async (t) => {
      const directory = makeDirectory(t);
      const log = openLog(driver, directory, { 'max-size': '10k', 'max-file': '3' });
      using writer = log.openWriter();
      const lines = appendLines(writer, 0, 20_000, 50);
      const files = readdirSync(directory);
      const size = files.reduce((sum, file) => sum + statSync(join(directory, file)).size, 0);
      assert.equal(files.length, 3);
      assert.ok(size < 35_000, `${size} bytes`);
      const text = await readText(log);
      assert.ok(text.length > 3_000 && lines.join('').endsWith(text));
    });

    test('goes on after a crash in the middle of a record', async (t) => {
      const directory = makeDirectory(t);
      {
        using writer = openLog(driver, directory).openWriter();
        append(writer, 'first\n');
      }
      const [file = ''] = readdirSync(directory);
      const before = statSync(join(directory, file)).size;
      const torn = driver === 'local' ? Buffer.from([9, 0, 0, 0, 0x15, 0xca, 0, 0, 1, 2]) : '{"log":"torn';
      appendFileSync(join(directory, file), torn);
      const log = openLog(driver, directory);
      assert.equal(await readText(log), 'first\n');
      assert.equal(await readText(log, { tail: 1 }), 'first\n');
      using writer = log.openWriter();
      append(writer, 'second\n');
      assert.ok(!readFileSync(join(directory, file)).subarray(before).includes(torn));
      assert.equal(await readText(log), 'first\nsecond\n');
    });

    test('a full disk loses the record and nothing else', async (t) => {
      const directory = makeDirectory(t);
      const small = join(directory, 'small');
      mkdirSync(small);
      mountTmpfs(small, { sizeBytes: 128 * 1024 });
      using stack = new DisposableStack();
      stack.defer(() => unmount(small));
      const log = openLog(driver, small);
      const writer = stack.use(log.openWriter());
      append(writer, 'first\n');
      const large = `${'y'.repeat(100)}\n`.repeat(600);
      assert.throws(
        () => {
          for (let round = 0; round < 10; round++) append(writer, large);
        },
        { code: 'exhausted' },
      );
      const lines = await readAll(log, { perLine: true });
      assert.ok(lines.length > 500);
      assert.ok(lines.every(({ partial }) => !partial));
      append(writer, 'last\n');
      assert.equal(await readText(log, { tail: 1 }), 'last\n');
    });

    test('removes its files once no writer is left', async (t) => {
      const directory = makeDirectory(t);
      const log = openLog(driver, directory, { 'max-size': '1k', 'max-file': '3' });
      const writer = log.openWriter();
      appendLines(writer, 0, 100);
      await assert.rejects(log.remove(), { code: 'conflict' });
      writer[Symbol.dispose]();
      await log.remove();
      assert.deepEqual(readdirSync(directory), []);
    });
  });
}

const invalid = (problem: string) => ({ reason: 'log-option-invalid', details: { problem } });

test('options are checked', () => {
  const refuse = (driver: string, options: Record<string, string>, expected: object) =>
    assert.throws(() => drivers.get(driver)!.validate(options), { code: 'invalid', ...expected });
  for (const driver of ['json-file', 'local'])
    refuse(
      driver,
      { foo: '1' },
      { reason: 'unknown-log-option', subject: driver, details: { option: 'foo' } },
    );
  refuse('local', { mode: 'foo' }, { reason: 'unknown-log-mode', details: { mode: 'foo' } });
  refuse('json-file', { 'max-size': 'x' }, invalid("invalid size: 'x'"));
  refuse('json-file', { 'max-file': '0' }, invalid('max-file cannot be less than 1'));
  refuse(
    'json-file',
    { compress: 'true' },
    invalid('compress cannot be true when max-file is less than 2 or max-size is not set'),
  );
  drivers.get('json-file')!.validate({ 'max-size': '10m', 'max-file': '3', labels: 'a', env: 'b', tag: 'c' });
});

test('the driver none keeps nothing', (t) => {
  const directory = makeDirectory(t);
  const log = openLog('none', directory);
  using writer = log.openWriter();
  append(writer, 'gone\n');
  assert.throws(() => log.read({ streams: ['stdout'], follow: false, perLine: false }), {
    code: 'not-implemented',
  });
  assert.deepEqual(readdirSync(directory), []);
});
