/** The API's streams, byte for byte: hijacked connections, logs, events, waits, and clients that vanish. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { RawConnection, requestHead, UPGRADE } from '../support/raw-connection.ts';
import { isForeign, startSubject, type Subject } from '../support/subject.ts';
import { until } from '#base/testing.ts';

let engine: Subject;
const created: string[] = [];

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

afterEach(async () => {
  await Promise.all(
    created.splice(0).map((id) => request(engine.socket, 'DELETE', `/containers/${id}?force=1&v=1`)),
  );
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

async function create(
  command: readonly string[],
  config: object = {},
  hostConfig: object = {},
): Promise<string> {
  const body = { Image: 'bb', Cmd: command, ...config, HostConfig: { NetworkMode: 'none', ...hostConfig } };
  const { Id } = await requestJson<{ Id: string }>(engine.socket, 'POST', '/containers/create', body);
  created.push(Id);
  return Id;
}

async function start(id: string): Promise<void> {
  assert.equal((await request(engine.socket, 'POST', `/containers/${id}/start`)).status, 204);
}

const STREAMS = 'stream=1&stdin=1&stdout=1&stderr=1';
const STDIN = { OpenStdin: true, StdinOnce: true };

function attach(
  id: string,
  query = STREAMS,
  headers: Readonly<Record<string, string>> = UPGRADE,
): RawConnection {
  const connection = new RawConnection(engine.socket);
  connection.send(requestHead(`POST /containers/${id}/attach?${query}`, headers));
  return connection;
}

/** Each frame as `stdout:text`. */
function messagesOf(bytes: Buffer): readonly string[] {
  const messages: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const stream = ['stdin', 'stdout', 'stderr'][bytes.readUInt8(offset)] ?? '?';
    const end = offset + 8 + bytes.readUInt32BE(offset + 4);
    messages.push(`${stream}:${bytes.subarray(offset + 8, end).toString()}`);
    offset = end;
  }
  return messages;
}

/** The same, neighbours of one stream joined: where live output is cut is not the API's. */
function framesOf(bytes: Buffer): readonly string[] {
  const frames: { readonly stream: string; readonly texts: string[] }[] = [];
  for (const message of messagesOf(bytes)) {
    const stream = message.slice(0, message.indexOf(':') + 1);
    const last = frames.at(-1);
    const text = message.slice(stream.length);
    if (last?.stream === stream) last.texts.push(text);
    else frames.push({ stream, texts: [text] });
  }
  return frames.map(({ stream, texts }) => stream + texts.join(''));
}

test('attach with Upgrade: 101, frames, FIN after the last output', async () => {
  const id = await create(['sh', '-c', 'cat; sleep 0.1; echo bye'], STDIN);
  using connection = attach(id);
  const head = await connection.takeUntil('\r\n\r\n');
  connection.send('input\n');
  connection.halfClose();
  assert.match(head, /^HTTP\/1\.1 101 UPGRADED\r\n/);
  assert.match(head, /\r\nContent-Type: application\/vnd\.docker\.multiplexed-stream\r\n/);
  assert.match(head, /\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n/);
  await start(id);
  assert.deepEqual(framesOf(await connection.takeAll()), ['stdout:input\nbye\n']);
});

test('input that comes before the answer is not lost', { skip: isForeign }, async () => {
  const id = await create(['cat'], STDIN);
  using connection = attach(id);
  connection.send('early\n');
  connection.halfClose();
  await connection.takeUntil('\r\n\r\n');
  await start(id);
  assert.deepEqual(framesOf(await connection.takeAll()), ['stdout:early\n']);
});

test('attach without Upgrade: 200, raw-stream, no length, the same frames, ended by closing', async () => {
  const id = await create(['sh', '-c', 'cat; echo err >&2'], STDIN);
  using connection = attach(id, STREAMS, {});
  const head = await connection.takeUntil('\r\n\r\n');
  assert.equal(head, 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n');
  await start(id);
  connection.send('raw\n');
  connection.halfClose();
  assert.deepEqual(framesOf(await connection.takeAll()), ['stdout:raw\n', 'stderr:err\n']);
});

test('a client without stdin half-closes at once and still gets everything', async () => {
  const id = await create(['sh', '-c', 'sleep 0.2; echo late']);
  using connection = attach(id, 'stream=1&stdout=1&stderr=1');
  await connection.takeUntil('\r\n\r\n');
  connection.halfClose();
  await start(id);
  assert.deepEqual(framesOf(await connection.takeAll()), ['stdout:late\n']);
});

test('the end of input detaches from a container whose stdin outlives the client', async () => {
  const id = await create(['cat'], { OpenStdin: true, StdinOnce: false });
  using connection = attach(id);
  await connection.takeUntil('\r\n\r\n');
  await start(id);
  connection.send('one\n');
  await until(() => connection.received.length >= 12, 'what was sent comes back');
  connection.halfClose();
  assert.deepEqual(framesOf(await connection.takeAll()), ['stdout:one\n']);
  const { State } = await requestJson<{ State: { Running: boolean } }>(
    engine.socket,
    'GET',
    `/containers/${id}/json`,
  );
  assert.equal(State.Running, true);
});

test('with a terminal the stream is raw', async () => {
  const id = await create(['sh', '-c', 'echo tty; echo err >&2'], { Tty: true, OpenStdin: true });
  using connection = attach(id);
  assert.match(
    await connection.takeUntil('\r\n\r\n'),
    /Content-Type: application\/vnd\.docker\.raw-stream\r\n/,
  );
  await start(id);
  assert.equal((await connection.takeAll()).toString(), 'tty\r\nerr\r\n');
});

test('the Upgrade header alone is answered with 101, by attach and exec', async () => {
  const id = await create(['sh', '-c', 'read x; echo $x; read x'], STDIN);
  using connection = attach(id, STREAMS, { Upgrade: 'tcp' });
  assert.match(await connection.takeUntil('\r\n\r\n'), /^HTTP\/1\.1 101 UPGRADED\r\n/);
  await start(id);
  connection.send('typed\n');
  await connection.takeUntil('typed\n');
  using exec = await startExec(id, { Tty: false }, { Upgrade: 'tcp' });
  assert.match(await exec.takeUntil('\r\n\r\n'), /^HTTP\/1\.1 101 UPGRADED\r\n/);
  assert.deepEqual(framesOf(await exec.takeAll()), ['stdout:hi\n']);
});

/** Starts a process that says `hi`: `created` says what it is given, `started` how the client wants to read it. */
async function startExec(
  id: string,
  { Tty, started = Tty, version = '' }: { Tty: boolean; started?: boolean; version?: string },
  headers: Readonly<Record<string, string>> = UPGRADE,
): Promise<RawConnection> {
  const config = { Cmd: ['echo', 'hi'], AttachStdout: true, Tty };
  const { Id } = await requestJson<{ Id: string }>(engine.socket, 'POST', `/containers/${id}/exec`, config);
  const connection = new RawConnection(engine.socket);
  const body = JSON.stringify({ Detach: false, Tty: started });
  const own = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  connection.send(requestHead(`POST ${version}/exec/${Id}/start`, { ...headers, ...own }) + body);
  return connection;
}

const frame = (text: string) => `\x01\0\0\0\0\0\0${String.fromCharCode(text.length)}${text}`;

test('the start of an exec says whether its output is framed, whatever it was created with', async () => {
  const id = await create(['sleep', '1000']);
  await start(id);
  for (const [Tty, started, said] of [
    [true, true, 'hi\r\n'],
    [true, false, frame('hi\r\n')],
    [false, true, 'hi\n'],
    [false, false, frame('hi\n')],
  ] as const) {
    using connection = await startExec(id, { Tty, started });
    const type = started ? 'raw-stream' : 'multiplexed-stream';
    const head = await connection.takeUntil('\r\n\r\n');
    assert.ok(head.includes(`Content-Type: application/vnd.docker.${type}\r\n`), head);
    assert.equal((await connection.takeAll()).toString(), said);
  }
  using old = await startExec(id, { Tty: false, version: '/v1.41' });
  assert.match(await old.takeUntil('\r\n\r\n'), /Content-Type: application\/vnd\.docker\.raw-stream\r\n/);
  assert.equal((await old.takeAll()).toString(), frame('hi\n'));
});

test('attach to what does not exist answers 404 in HTTP', async () => {
  using connection = attach('nope');
  assert.match(
    (await connection.takeAll()).toString(),
    /^HTTP\/1\.1 404 Not Found\r\n[\s\S]*No such container: nope/,
  );
});

test('a WebSocket attaches with raw binary frames', async () => {
  const id = await create(['sh', '-c', 'cat; echo err >&2'], STDIN);
  using connection = new RawConnection(engine.socket);
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    Origin: 'http://localhost',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  connection.send(requestHead(`GET /containers/${id}/attach/ws?${STREAMS}`, headers));
  const head = await connection.takeUntil('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  await start(id);
  // Masked with zeros: "hello\n" in a binary frame.
  connection.send(Buffer.concat([Buffer.from([0x82, 0x86, 0, 0, 0, 0]), Buffer.from('hello\n')]));
  assert.equal(await connection.takeUntil('hello\n'), '\x82\x06hello\n'.replace('\x82', '\ufffd'));
  connection.halfClose();
  assert.equal((await connection.takeAll()).subarray(0, 6).toString('latin1'), '\x82\x04err\n');
});

test('a request that is no WebSocket is refused', async () => {
  const id = await create(['true']);
  assert.equal((await request(engine.socket, 'GET', `/containers/${id}/attach/ws?${STREAMS}`)).status, 400);
});

test('an exec runs on an upgraded connection, its exit code known at FIN', async () => {
  const id = await create(['sleep', '1000']);
  await start(id);
  const exec = {
    Cmd: ['sh', '-c', 'cat; echo err >&2; exit 3'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  };
  const { Id } = await requestJson<{ Id: string }>(engine.socket, 'POST', `/containers/${id}/exec`, exec);
  using connection = new RawConnection(engine.socket);
  const body = '{"Detach":false,"Tty":false}';
  const headers = { ...UPGRADE, 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  // In two pieces, as Go's clients write it.
  connection.send(requestHead(`POST /exec/${Id}/start`, headers));
  await connection.taken();
  connection.send(body);
  assert.match(await connection.takeUntil('\r\n\r\n'), /^HTTP\/1\.1 101 UPGRADED/);
  connection.send('in\n');
  connection.halfClose();
  assert.deepEqual(framesOf(await connection.takeAll()), ['stdout:in\n', 'stderr:err\n']);
  const state = await requestJson<{ ExitCode: number; Running: boolean }>(
    engine.socket,
    'GET',
    `/exec/${Id}/json`,
  );
  assert.deepEqual([state.ExitCode, state.Running], [3, false]);
});

test('an exec without Upgrade answers 200 and raw frames; a detached one 200 and nothing', async () => {
  const id = await create(['sleep', '1000']);
  await start(id);
  const newExec = async (cmd: readonly string[]) =>
    (
      await requestJson<{ Id: string }>(engine.socket, 'POST', `/containers/${id}/exec`, {
        Cmd: cmd,
        AttachStdout: true,
        AttachStderr: true,
      })
    ).Id;
  using connection = new RawConnection(engine.socket);
  const body = '{"stdin":true,"Detach":false,"Tty":false}';
  const headers = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  connection.send(requestHead(`POST /exec/${await newExec(['echo', 'x'])}/start`, headers) + body);
  const head = await connection.takeUntil('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/vnd\.docker\.raw-stream\r\n/);
  assert.deepEqual(framesOf(await connection.takeAll()), ['stdout:x\n']);
  const detached = `/exec/${await newExec(['true'])}/start`;
  assert.equal((await request(engine.socket, 'POST', detached, { Detach: true })).status, 200);
  const missing = `/exec/${await newExec(['nosuch'])}/start`;
  const failed = await request(engine.socket, 'POST', missing, { Detach: true });
  assert.equal(failed.status, 400);
  assert.match(failed.body, /executable file not found in \$PATH/);
});

test('wait sends its headers before the container ends, and the code when it does', async () => {
  const id = await create(['sh', '-c', 'sleep 0.2; exit 7']);
  using connection = new RawConnection(engine.socket);
  connection.send(requestHead(`POST /containers/${id}/wait?condition=next-exit`, { Connection: 'close' }));
  const head = await connection.takeUntil('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 200 OK/);
  assert.equal(connection.received.length, 0);
  await start(id);
  assert.match((await connection.takeAll()).toString(), /\{"StatusCode":7\}\n/);
});

test('wait for removal ends with --rm', async () => {
  const id = await create(['true'], {}, { AutoRemove: true });
  using connection = new RawConnection(engine.socket);
  connection.send(requestHead(`POST /containers/${id}/wait?condition=removed`, { Connection: 'close' }));
  await connection.takeUntil('\r\n\r\n');
  await start(id);
  assert.match((await connection.takeAll()).toString(), /\{"StatusCode":0\}\n/);
  assert.equal((await request(engine.socket, 'GET', `/containers/${id}/json`)).status, 404);
});

async function logsOf(id: string, query: string): Promise<{ readonly type: string; readonly bytes: Buffer }> {
  using connection = new RawConnection(engine.socket);
  connection.send(requestHead(`GET /containers/${id}/logs?${query}`, { Connection: 'close' }));
  const head = await connection.takeUntil('\r\n\r\n');
  assert.match(head, /Transfer-Encoding: chunked/);
  return { type: /Content-Type: (\S+)/.exec(head)?.[1] ?? '', bytes: unchunk(await connection.takeAll()) };
}

function unchunk(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let offset = 0; ; ) {
    const end = bytes.indexOf('\r\n', offset);
    const length = Number.parseInt(bytes.subarray(offset, end).toString(), 16);
    if (!(length > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(end + 2, end + 2 + length));
    offset = end + 2 + length + 2;
  }
}

/** Its command reads a line wherever it is to wait until `marks` that it wrote before have arrived. */
async function runInSteps(command: readonly string[], marks: readonly string[]): Promise<string> {
  const id = await create(command, STDIN);
  using connection = attach(id);
  await connection.takeUntil('\r\n\r\n');
  await start(id);
  for (const mark of marks) {
    await connection.takeUntil(mark);
    connection.send('\n');
  }
  await connection.takeAll();
  await request(engine.socket, 'POST', `/containers/${id}/wait`);
  return id;
}

async function runToEnd(command: readonly string[], config: object = {}): Promise<string> {
  const id = await create(command, config);
  await start(id);
  await request(engine.socket, 'POST', `/containers/${id}/wait`);
  return id;
}

test('logs are framed, cut by streams and tail, and carry times and details where asked for', async () => {
  const script = 'for i in 1 2 3; do echo out$i; done; read x; echo err >&2; read x; printf end';
  const id = await runInSteps(['sh', '-c', script], ['out3\n', 'err\n']);
  const all = await logsOf(id, 'stdout=1&stderr=1');
  assert.equal(all.type, 'application/vnd.docker.multiplexed-stream');
  assert.deepEqual(framesOf(all.bytes), ['stdout:out1\nout2\nout3\n', 'stderr:err\n', 'stdout:end']);
  assert.deepEqual(framesOf((await logsOf(id, 'stderr=1')).bytes), ['stderr:err\n']);
  const tail = framesOf((await logsOf(id, 'stdout=true&stderr=True&tail=2')).bytes);
  assert.deepEqual(tail, ['stderr:err\n', 'stdout:end']);
  for (const everything of ['-1', 'all', 'x']) {
    const frames = framesOf((await logsOf(id, `stdout=1&tail=${everything}&since=0`)).bytes);
    assert.deepEqual(frames, ['stdout:out1\nout2\nout3\nend']);
  }
  const [first = ''] = framesOf((await logsOf(id, 'stdout=1&timestamps=1')).bytes);
  const lines = first.slice('stdout:'.length).split('\n');
  for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (out\d|end)$/);
  assert.deepEqual(framesOf((await logsOf(id, 'stdout=1&details=1&tail=1')).bytes), ['stdout: end']);
  assert.deepEqual((await logsOf(id, `stdout=1&since=${Math.ceil(Date.now() / 1000) + 10}`)).bytes.length, 0);
});

const linesOf = (messages: readonly string[]) => messages.filter((text) => text.startsWith('stdout'));

test('each frame of logs is a line, also of what the log has for a client that attaches', async () => {
  const script = 'printf "1\\n2\\n"; echo err >&2; printf "3 a"; read x; printf "nd\\n4"; read x; read x';
  const id = await create(['sh', '-c', script], STDIN);
  using client = attach(id);
  await client.takeUntil('\r\n\r\n');
  await start(id);
  await client.takeUntil('3 a');
  client.send('\n');
  await client.takeUntil('4');
  using replay = attach(id, 'logs=1&stdout=1&stderr=1');
  await replay.takeUntil('\r\n\r\n');
  const whole = ['stdout:1\n', 'stdout:2\n', 'stdout:3 and\n', 'stdout:4'];
  assert.deepEqual(linesOf(messagesOf(await replay.takeAll())), whole);
  client.halfClose();
  await client.takeAll();
  for (const follow of ['0', '1']) {
    const { bytes } = await logsOf(id, `stdout=1&stderr=1&follow=${follow}`);
    assert.deepEqual(linesOf(messagesOf(bytes)), whole);
  }
});

test('logs of a terminal are raw', async () => {
  const id = await runToEnd(['echo', 'hi'], { Tty: true });
  const { type, bytes } = await logsOf(id, 'stdout=1&stderr=1');
  assert.equal(type, 'application/vnd.docker.raw-stream');
  assert.equal(bytes.toString(), 'hi\r\n');
});

test('followed logs come as they are written and end with the container', async () => {
  const id = await create(['sh', '-c', 'echo one; read x; echo two'], STDIN);
  using client = attach(id);
  await start(id);
  using connection = new RawConnection(engine.socket);
  connection.send(requestHead(`GET /containers/${id}/logs?stdout=1&follow=1`, { Connection: 'close' }));
  await connection.takeUntil('one\n');
  assert.equal(connection.received.includes('two'), false);
  client.send('\n');
  await connection.takeUntil('two\n');
  await connection.takeAll();
});

test('a large log arrives whole though the client is slow', async () => {
  const id = await runToEnd(['sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x | fold -w 99']);
  const [text = ''] = framesOf((await logsOf(id, 'stdout=1')).bytes);
  assert.equal(text.replaceAll('\n', '').length - 'stdout:'.length, 3_000_000);
});

interface Event {
  readonly Action: string;
  readonly Type: string;
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

test('events come in order, one JSON object a line, filtered, with the legacy names', async () => {
  const label = `test=${process.pid}`;
  const filters = encodeURIComponent(JSON.stringify({ type: { container: true }, label: { [label]: true } }));
  using connection = new RawConnection(engine.socket);
  connection.send(requestHead(`GET /v1.45/events?filters=${filters}`));
  assert.match(await connection.takeUntil('\r\n\r\n'), /Content-Type: application\/json/);
  const id = await create(['sleep', '1000'], { Labels: { test: String(process.pid) } });
  await create(['true']);
  await start(id);
  await request(engine.socket, 'POST', `/containers/${id}/stop?signal=KILL`);
  // Which of the two comes first is the engine's business, even whether the stop waits for it.
  const hasHappened = (action: string) => connection.received.includes(`"${action}"`);
  await until(() => hasHappened('die') && hasHappened('stop'), 'die and stop');
  await request(engine.socket, 'DELETE', `/containers/${id}`);
  const text = await connection.takeUntil('"Action":"destroy"');
  const actions = [...text.matchAll(/"Action":"(\w+)"/g)].map((match) => match[1]);
  assert.deepEqual(actions.slice(0, 3), ['create', 'start', 'kill']);
  assert.deepEqual(new Set(actions.slice(3, -1)), new Set(['die', 'stop']));
  const past = await request(
    engine.socket,
    'GET',
    `/v1.45/events?since=1&until=${Math.ceil(Date.now() / 1000) + 1}&filters=${filters}`,
  );
  const [first, ...rest] = past.body
    .trim()
    .split('\n')
    .map((line): Event => JSON.parse(line));
  assert.equal(rest.length, actions.length - 1);
  assert.equal(first?.status, 'create');
  assert.equal(first?.id, id);
  assert.equal(first?.from, 'bb');
  assert.equal(first?.Actor.ID, id);
  assert.equal(first?.Actor.Attributes['test'], String(process.pid));
});

test('clients that vanish do no harm', async () => {
  const id = await create(['sh', '-c', 'yes | head -c 50000000; sleep 1000'], STDIN);
  await start(id);
  const requests = [
    requestHead(`GET /containers/${id}/logs?stdout=1&follow=1`),
    requestHead('GET /events'),
    requestHead(`POST /containers/${id}/wait`),
    requestHead(`GET /containers/${id}/stats?stream=1`),
    requestHead(`GET /containers/${id}/export`),
    requestHead(`POST /containers/${id}/attach?${STREAMS}`, UPGRADE),
    requestHead(`POST /containers/${id}/attach?${STREAMS}`),
    `${requestHead(`PUT /containers/${id}/archive?path=/tmp`, { 'Transfer-Encoding': 'chunked' })}10000\r\nhalf`,
    `${requestHead('POST /images/load', { 'Content-Length': '1000000' })}half`,
    `${requestHead('POST /containers/create', { 'Content-Type': 'application/json', 'Content-Length': '100' })}{`,
  ];
  for (const bytes of [...requests, ...requests]) {
    const connection = new RawConnection(engine.socket);
    connection.send(bytes);
    await connection.taken();
    connection.vanish();
  }
  const state = await requestJson<{ State: { Running: boolean } }>(
    engine.socket,
    'GET',
    `/containers/${id}/json`,
  );
  assert.equal(state.State.Running, true);
  assert.equal((await request(engine.socket, 'GET', '/_ping')).body, 'OK');
});
