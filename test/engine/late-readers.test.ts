/**
 * Clients that read an answer's headers late, as on a busy machine. docker-py reads headers with a large buffer and
 * output past it, so whatever a first read gets besides the headers is lost to it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { importBusybox } from '../support/docker.ts';
import { freePort } from '../support/free-port.ts';
import { request, requestJson } from '../support/http.ts';
import { RawConnection, requestHead, UPGRADE } from '../support/raw-connection.ts';
import { isForeign, startSubject, type Subject } from '../support/subject.ts';
import { until } from '#base/testing.ts';

/** Late clients at the same time. */
const CLIENTS = 10;
const HEADERS_ALONE = /^HTTP\/1\.1 (101|200) [^]*\r\n\r\n$/;
const FRAME = '\x01\0\0\0\0\0\0\x06hello\n';

let engine: Subject;
let port: number;
let box: string;

before(async () => {
  port = await freePort();
  engine = await startSubject('--host', `tcp://127.0.0.1:${port}`);
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

/** Where clients come from: the path of the engine's socket, or its port. */
type Transport = 'unix' | 'tcp';

function connectLate(transport: Transport): RawConnection {
  return new RawConnection(transport === 'unix' ? engine.socket : port, 'late');
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

async function lateExec(transport: Transport, headers: Headers, pieces: Pieces): Promise<void> {
  const exec = { Cmd: ['echo', 'hello'], AttachStdout: true, AttachStderr: true };
  const { Id } = await requestJson<{ Id: string }>(engine.socket, 'POST', `/containers/${box}/exec`, exec);
  using connection = connectLate(transport);
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

async function lateAttach(transport: Transport, request: string, output: string): Promise<void> {
  using late = connectLate(transport);
  late.send(request);
  await late.taken();
  using meanwhile = new RawConnection(engine.socket);
  meanwhile.send(request);
  await meanwhile.takeAll();
  await assertReadsLate(late, output);
}

const ATTACH = `/containers/BOX/attach?logs=1&stdout=1&stderr=1`;
const WEB_SOCKET = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

// Docker has such losses.
for (const transport of ['unix', 'tcp'] as const)
  describe(`late readers over ${transport}`, { skip: isForeign }, () => {
    for (const [kind, headers] of [
      ['upgraded', UPGRADE],
      ['plain', {}],
    ] as const) {
      for (const pieces of ['together', 'apart'] as const) {
        it(`exec: ${kind}, the request's head and body ${pieces}`, () =>
          manyAtOnce(() => lateExec(transport, headers, pieces)));
      }
    }

    for (const [kind, head, output] of [
      ['upgraded', requestHead(`POST ${ATTACH}`, UPGRADE), FRAME],
      ['plain', requestHead(`POST ${ATTACH}`), FRAME],
      ['with a body', `${requestHead(`POST ${ATTACH}`, { 'Content-Length': '1' })}x`, FRAME],
      [
        'by WebSocket',
        requestHead(`GET ${ATTACH.replace('attach', 'attach/ws')}`, WEB_SOCKET),
        '\x82\x06hello\n\x88\x02\x03\xe8',
      ],
    ] as const) {
      it(`attach with logs: ${kind}`, () =>
        manyAtOnce(() => lateAttach(transport, head.replace('BOX', box), output)));
    }
  });
