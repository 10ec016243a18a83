import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { Attachment, OutputChunk } from '#container/container.ts';
import { ATTACH, ContainerFixture, collect, logOf as loggedBy } from './container-fixture.ts';

let fixture: ContainerFixture;
before(async () => {
  fixture = await ContainerFixture.open();
});
after(async () => {
  await fixture[Symbol.asyncDispose]();
});

const STDIN = { OpenStdin: true, StdinOnce: true };

/** Attaches, starts, feeds. */
async function interact(cmd: readonly string[], config: object, input: readonly string[], ends = true) {
  const id = await fixture.create(cmd, { ...config });
  const attachment = await fixture.containers.attach(id, { ...ATTACH, stdin: true });
  const output = collect(attachment);
  for (const text of input) attachment.input!.write(Buffer.from(text));
  if (ends) attachment.input!.end();
  await fixture.containers.start(id);
  return { id, attachment, output };
}

/** Reads an attachment until what it said matches. */
async function until(attachment: Attachment, text: string | RegExp): Promise<string> {
  const pattern = typeof text === 'string' ? new RegExp(text) : text;
  let seen = '';
  while (!pattern.test(seen)) {
    const chunk: OutputChunk | null = attachment.output.read();
    if (chunk) seen += chunk.data.toString();
    else await once(attachment.output, 'readable');
  }
  return seen;
}

test('input that has ended ends also for a program that opens it later', async () => {
  const { id, output } = await interact(['sh', '-c', 'sleep 0.2; cat /dev/stdin'], STDIN, ['data\n']);
  assert.deepEqual(await output, { stdout: 'data\n', stderr: '' });
  assert.equal(await fixture.exitCode(id), 0);
});

const logOf = (id: string) => loggedBy(fixture, id);

test('stdin before the start, and its end', async () => {
  const { id, output } = await interact(['cat'], STDIN, ['hello\n', 'world\n']);
  assert.deepEqual(await output, { stdout: 'hello\nworld\n', stderr: '' });
  assert.equal(await fixture.exitCode(id), 0);
  assert.equal(await logOf(id), 'hello\nworld\n');
});

test('without StdinOnce the end of a client’s input is not the process’s', async () => {
  const { id, attachment, output } = await interact(
    ['sh', '-c', 'while read x; do echo got $x; done; echo eof'],
    { OpenStdin: true },
    ['one\n'],
  );
  attachment[Symbol.dispose]();
  await assert.rejects(output);
  const second = await fixture.containers.attach(id, { ...ATTACH, stdin: true });
  second.input!.write(Buffer.from('two\n'));
  assert.match(await until(second, 'got two'), /got two/);
  assert.ok((await fixture.containers.inspect(id, { size: false })).State.Running);
  await fixture.containers.kill(id, 'KILL');
});

test('a client that goes away with StdinOnce takes the input along', async () => {
  const { id, attachment, output } = await interact(['cat'], STDIN, [], false);
  attachment[Symbol.dispose]();
  await assert.rejects(output);
  assert.equal(await fixture.exitCode(id), 0);
});

test('several attachments, one of them with what the log has', async () => {
  const id = await fixture.create(['sh', '-c', 'echo first; read x; echo second'], { OpenStdin: true });
  await fixture.containers.start(id);
  const feeding = await fixture.containers.attach(id, { ...ATTACH, stdin: true, logs: true });
  assert.equal(await until(feeding, 'first'), 'first\n');
  const watching = collect(await fixture.containers.attach(id, ATTACH));
  const replaying = collect(await fixture.containers.attach(id, { ...ATTACH, logs: true }));
  feeding.input!.write(Buffer.from('\n'));
  assert.deepEqual(await watching, { stdout: 'second\n', stderr: '' });
  assert.deepEqual(await replaying, { stdout: 'first\nsecond\n', stderr: '' });
});

test('much output arrives whole, in order, attached and logged', async () => {
  const id = await fixture.create(['sh', '-c', 'seq 1 300000'], {});
  const output = collect(await fixture.containers.attach(id, ATTACH));
  await fixture.containers.start(id);
  const expected = Array.from({ length: 300_000 }, (_, index) => `${index + 1}\n`).join('');
  assert.ok((await output).stdout === expected);
  assert.ok((await logOf(id)) === expected);
});

test('a client that does not read slows the process down', async () => {
  const id = await fixture.create(
    ['sh', '-c', 'yes $(seq 1 30 | tr "\\n" " ") | head -c 50000000; echo done >&2'],
    {},
  );
  const slow = await fixture.containers.attach(id, ATTACH);
  await fixture.containers.start(id);
  const state = async () => (await fixture.containers.inspect(id, { size: false })).State.Running;
  // A process that nothing slows down would have ended by then.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(await state(), 'it waits for its reader');
  const { stdout, stderr } = await collect(slow);
  assert.deepEqual([stdout.length, stderr], [50_000_000, 'done\n']);
  assert.equal(await fixture.exitCode(id), 0);
});

test('what a client has not read when the process ends waits for it, and is logged', async () => {
  const script = 'i=0; while read x; do i=$((i + 1)); echo $i; done; head -c 1000000 /dev/zero';
  const id = await fixture.create(['sh', '-c', script], STDIN);
  const slow = await fixture.containers.attach(id, ATTACH);
  const feeding = await fixture.containers.attach(id, { ...ATTACH, stdin: true });
  await fixture.containers.start(id);
  // As many chunks as may wait for a client; what comes then stays in the pipe.
  let expected = 1_000_000;
  for (let count = 1; count <= 16; count++) {
    feeding.input!.write(Buffer.from('\n'));
    expected += (await until(feeding, `^${count}\n`)).length;
  }
  const output = collect(feeding);
  feeding.input!.end();
  assert.equal(await fixture.exitCode(id), 0);
  assert.equal((await collect(slow)).stdout.length, expected);
  assert.equal((await logOf(id)).length, expected);
  assert.equal((await output).stdout.length, 1_000_000);
});

test('a line without an end is logged when the container ends', async () => {
  const id = await fixture.run(['printf', 'no newline']);
  await fixture.exitCode(id);
  assert.equal(await logOf(id), 'no newline');
});

test('a terminal: size, echo, exit code', async () => {
  const config = { Tty: true, OpenStdin: true, HostConfig: { ConsoleSize: [40, 120] } };
  const script = 'stty size; read x; echo "got:$x"; stty size; exit 6';
  const id = await fixture.create(['sh', '-c', script], config);
  const attachment = await fixture.containers.attach(id, { ...ATTACH, stdin: true });
  await fixture.containers.start(id);
  assert.equal(await until(attachment, '\n'), '40 120\r\n');
  await fixture.containers.resize(id, { rows: 50, columns: 170 });
  attachment.input!.write(Buffer.from('hey\n'));
  assert.equal((await collect(attachment)).stdout, 'hey\r\ngot:hey\r\n50 170\r\n');
  assert.equal(await fixture.exitCode(id), 6);
  assert.ok(attachment.tty);
  await assert.rejects(fixture.containers.resize(id, { rows: 1, columns: 1 }), {
    code: 'conflict',
    message: `container ${id} is not running`,
  });
});

test('detach keys detach from a terminal, and it goes on', async () => {
  const { id, attachment, output } = await interact(['cat'], { Tty: true, OpenStdin: true }, ['a\n'], false);
  attachment.input!.write(Buffer.from('\x10\x11'));
  await output;
  assert.ok((await fixture.containers.inspect(id, { size: false })).State.Running);
  assert.ok(fixture.events.some((event) => event.id === id && event.action === 'detach'));
  const again = await fixture.containers.attach(id, { ...ATTACH, stdin: true, detachKeys: 'x' });
  again.input!.write(Buffer.from('b\n'));
  await until(again, /b[^]*b\r\n/);
  again.input!.write(Buffer.from('x'));
  await collect(again);
  await assert.rejects(fixture.containers.attach(id, { ...ATTACH, detachKeys: 'ctrl-' }), {
    code: 'invalid',
  });
});

test('following a log ends with the container', async () => {
  const id = await fixture.run(['sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.05; done']);
  const { records } = await fixture.containers.logs(id, {
    stdout: true,
    stderr: true,
    follow: true,
    perLine: true,
  });
  const lines: string[] = [];
  for await (const { data } of records) lines.push(data.toString());
  assert.deepEqual(lines, ['1\n', '2\n', '3\n']);
});
