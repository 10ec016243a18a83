/**
 * Clients that read an answer's headers late, as on a busy machine. docker-py reads headers with a large buffer and
 * output past it, so whatever a first read gets besides the headers is lost to it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { RawConnection, requestHead, UPGRADE } from '../support/raw-connection.ts';
import { startSubject, type Subject } from '../support/subject.ts';
import { until } from '#base/testing.ts';

/** Late clients at the same time. */
const CLIENTS = 20;
const HEADERS_ALONE = /^HTTP\/1\.1 (101|200) [^]*\r\n\r\n$/;
const FRAME = '\x01\0\0\0\0\0\0\x06hello\n';

let engine: Subject;
let box: string;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
  box = await run(['sh', '-c', 'echo hello; exec sleep 1000']);
});

after(async () => {
  await request(engine.socket, 'DELETE', `/containers/${box}?force=1`);
  await engine[Symbol.asyncDispose]();
});

async function run(command: readonly string[]): Promise<string> {
  const config = { Image: 'bb', Cmd: command, HostConfig: { NetworkMode: 'none' } };
  const { Id } = await requestJson<{ Id: string }>(engine.socket, 'POST', '/containers/create', config);
  assert.equal((await request(engine.socket, 'POST', `/containers/${Id}/start`)).status, 204);
  return Id;
}

type Headers = Readonly<Record<string, string>>;

/** How a client writes its request: docker-py and Go's write the body apart, others all at once. */
type Pieces = 'together' | 'apart';

async function send(connection: RawConnection, pieces: Pieces, head: string, body: string): Promise<void> {
  if (pieces === 'together') connection.send(head + body);
  else {
    connection.send(head);
    await connection.taken();
    connection.send(body);
  }
}

/** Reads once the engine has sent what it would send: everything must come, and the headers alone in a first read. */
async function assertReadsLate(connection: RawConnection, output: string): Promise<void> {
  assert.match(await connection.firstPiece(), HEADERS_ALONE);
  assert.equal((await connection.takeAll()).toString('latin1'), output);
}

async function manyAtOnce(client: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

async function lateExec(headers: Headers, pieces: Pieces): Promise<void> {
  const exec = { Cmd: ['echo', 'hello'], AttachStdout: true, AttachStderr: true };
  const { Id } = await requestJson<{ Id: string }>(engine.socket, 'POST', `/containers/${box}/exec`, exec);
  using connection = new RawConnection(engine.socket, 'late');
  const body = '{"Detach":false,"Tty":false}';
  const type = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  await send(connection, pieces, requestHead(`POST /exec/${Id}/start`, { ...headers, ...type }), body);
  await until(async () => {
    const path = `/exec/${Id}/json`;
    const state = await requestJson<{ ExitCode: number | null }>(engine.socket, 'GET', path);
    return state.ExitCode === 0;
  }, 'the command has ended');
  await assertReadsLate(connection, FRAME);
}

async function lateAttach(request: string, output: string): Promise<void> {
  using late = new RawConnection(engine.socket, 'late');
  late.send(request);
  await late.taken();
  using meanwhile = new RawConnection(engine.socket);
  meanwhile.send(request);
  await meanwhile.takeAll();
  await assertReadsLate(late, output);
}

for (const [kind, headers] of [
  ['upgraded', UPGRADE],
  ['plain', {}],
] as const) {
  for (const pieces of ['together', 'apart'] as const) {
    test(`exec: ${kind}, the request's head and body ${pieces}`, () =>
      manyAtOnce(() => lateExec(headers, pieces)));
  }
}

const ATTACH = `/containers/BOX/attach?logs=1&stdout=1&stderr=1`;
const WEB_SOCKET = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

for (const [kind, request, output] of [
  ['upgraded', requestHead(`POST ${ATTACH}`, UPGRADE), FRAME],
  ['plain', requestHead(`POST ${ATTACH}`), FRAME],
  ['with a body', `${requestHead(`POST ${ATTACH}`, { 'Content-Length': '1' })}x`, FRAME],
  [
    'by WebSocket',
    requestHead(`GET ${ATTACH.replace('attach', 'attach/ws')}`, WEB_SOCKET),
    '\x82\x06hello\n\x88\x02\x03\xe8',
  ],
] as const) {
  test(`attach with logs: ${kind}`, () => manyAtOnce(() => lateAttach(request.replace('BOX', box), output)));
}
