import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { sendSignal, watchExit } from './process.ts';
import { makeRaw, openPtyMaster, openTtyStream, setWindowSize } from './pty.ts';
import { spawnProcess } from './spawn.ts';

/** Runs a shell on the slave of a new terminal; `start` comes before it, with the master. */
function shellOnTerminal(script: string, start: (master: number) => void = () => {}) {
  const { master, slavePath } = openPtyMaster();
  start(master);
  const slave = openSync(slavePath, constants.O_RDWR | constants.O_NOCTTY);
  const pid = spawnProcess({ path: '/bin/sh', args: ['sh', '-c', script], stdio: [slave, slave, slave] });
  closeSync(slave);
  return { master, slavePath, pid, watch: watchExit(pid) };
}

test('what is no terminal has no size', () => {
  const file = openSync('/dev/null', 'r');
  assert.throws(() => setWindowSize(file, 50, 132), { errno: 'ENOTTY' });
  closeSync(file);
});

test('a terminal stream: input, output, and EIO as its end', async () => {
  const script = 'stty size; read x; echo "got $x"; seq 1 5000; exit 4';
  const { master, watch } = shellOnTerminal(script, (fd) => setWindowSize(fd, 33, 99));
  const stream = openTtyStream(master);
  const events: string[] = [];
  for (const event of ['end', 'error', 'close']) stream.on(event, () => events.push(event));
  let output = '';
  stream.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  // What is typed is echoed, into the middle of what is printed in that moment.
  while (!output.includes('33 99\r\n')) await once(stream, 'data');
  stream.write('hello\n');
  await once(stream, 'close');
  assert.deepEqual(events, ['end', 'close']);
  assert.match(output, /33 99\r\n/);
  assert.match(output, /got hello\r\n1\r\n/);
  assert.match(output, /\r\n5000\r\n$/);
  assert.deepEqual(await watch.exited, { code: 4 });
});

test('a raw terminal passes on every byte, both ways', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  const script = `head -c ${bytes.length} | od -An -v -tu1; printf 'a\\nb\\n'`;
  const { master, watch } = shellOnTerminal(script, makeRaw);
  const stream = openTtyStream(master);
  stream.write(bytes);
  const output = (await buffer(stream)).toString('latin1');
  assert.deepEqual(await watch.exited, { code: 0 });
  const numbers = output.slice(0, output.indexOf('a')).trim().split(/\s+/).map(Number);
  assert.deepEqual(numbers, [...bytes]);
  assert.ok(output.endsWith('a\nb\n') && !output.includes('\r'));
});

test('a slow consumer gets everything before the end', async () => {
  const { master, watch } = shellOnTerminal('seq 1 200');
  await watch.exited;
  let output = '';
  for await (const chunk of openTtyStream(master)) {
    output += String(chunk);
    // Slow is what this consumer is.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.match(output, /^1\r\n/);
  assert.match(output, /\r\n200\r\n$/);
});

test('writing to a terminal that has hung up is no error either', async () => {
  const { master, watch } = shellOnTerminal('true');
  await watch.exited;
  const stream = openTtyStream(master);
  const errors: Error[] = [];
  stream.on('error', (error) => errors.push(error));
  stream.write('too late\n');
  stream.resume();
  await once(stream, 'close');
  assert.deepEqual(errors, []);
});

test('destroying a terminal stream closes its descriptor', async () => {
  const { master, pid, watch } = shellOnTerminal('exec sleep 60');
  const link = () => {
    try {
      return readlinkSync(`/proc/self/fd/${master}`);
    } catch {
      return undefined;
    }
  };
  assert.match(link() ?? '', /ptmx/);
  const stream = openTtyStream(master);
  stream.destroy();
  await once(stream, 'close');
  assert.equal(link(), undefined);
  sendSignal(pid, 9);
  assert.deepEqual(await watch.exited, { code: 137, signal: 9 });
});
