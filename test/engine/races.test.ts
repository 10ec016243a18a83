/** Requests that meet the end or the beginning of a container, many times with others beside them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { inParallel } from '../support/in-parallel.ts';
import { RawConnection, requestHead, UPGRADE } from '../support/raw-connection.ts';
import { startSubject, type Subject } from '../support/subject.ts';

/** Enough at once to keep two processors busy. */
const AT_ONCE = 8;
/** `TEST_TURNS=100` looks longer for what happens rarely. */
const TURNS = Array.from({ length: Number(process.env['TEST_TURNS'] ?? 24) }, (_, turn) => turn);

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

async function create(command: readonly string[], host: object = {}, config: object = {}): Promise<string> {
  const HostConfig = { NetworkMode: 'none', ...host };
  const body = { Image: 'bb', Cmd: command, ...config, HostConfig };
  return (await requestJson<{ Id: string }>(engine.socket, 'POST', '/containers/create', body)).Id;
}

async function run(...what: Parameters<typeof create>): Promise<string> {
  const id = await create(...what);
  await succeeds('POST', `/containers/${id}/start`);
  return id;
}

async function succeeds(method: string, path: string): Promise<string> {
  const { status, body } = await request(engine.socket, method, path);
  assert.ok(status < 300, `${method} ${path}: ${status} ${body}`);
  return body;
}

async function remove(id: string): Promise<void> {
  await succeeds('DELETE', `/containers/${id}?force=1`);
}

test('a container that ends while it is committed is committed', async () => {
  await inParallel(AT_ONCE, TURNS, async (turn) => {
    const id = await run(['usleep', String((turn % 20) * 1000)]);
    await succeeds('POST', `/commit?container=${id}&repo=ended&tag=${turn % AT_ONCE}`);
    await remove(id);
  });
});

test('a container that is killed while it is committed has ended, and is committed', async () => {
  await inParallel(AT_ONCE, TURNS, async (turn) => {
    const id = await run(['sleep', '1000']);
    const committed = succeeds('POST', `/commit?container=${id}&repo=killed&tag=${turn % AT_ONCE}`);
    await Promise.all([committed, succeeds('POST', `/containers/${id}/kill`)]);
    await succeeds('POST', `/containers/${id}/wait`);
    await remove(id);
  });
});

test('lists with sizes leave out what is removed meanwhile', async () => {
  const done = new AbortController();
  const lists = (async () => {
    while (!done.signal.aborted) await succeeds('GET', '/containers/json?all=1&size=1');
  })();
  await inParallel(AT_ONCE, TURNS, async () => remove(await run(['sleep', '1000'])));
  done.abort();
  await lists;
});

test('a signal right after the start reaches the program', async () => {
  await inParallel(AT_ONCE, TURNS, async () => {
    // In a PID namespace of its own it would ignore what it has no handler for.
    const id = await run(['sleep', '1000'], { PidMode: 'host' });
    await succeeds('POST', `/containers/${id}/kill?signal=USR1`);
    assert.equal(await succeeds('POST', `/containers/${id}/wait`), '{"StatusCode":138}\n');
    await remove(id);
  });
});

test('a wait right after the start has the exit code', async () => {
  await inParallel(AT_ONCE, TURNS, async (turn) => {
    const id = await run(['sh', '-c', `exit ${turn}`]);
    assert.equal(await succeeds('POST', `/containers/${id}/wait`), `{"StatusCode":${turn}}\n`);
    await remove(id);
  });
});

test('attached output is there before a wait answers, of pipes and terminals', async () => {
  await inParallel(AT_ONCE, TURNS, async (turn) => {
    const id = await create(['sh', '-c', 'echo hello; echo bye'], {}, { Tty: turn % 2 === 0 });
    using attached = new RawConnection(engine.socket);
    attached.send(requestHead(`POST /containers/${id}/attach?stream=1&stdout=1`, UPGRADE));
    await attached.takeUntil('\r\n\r\n');
    using waiting = new RawConnection(engine.socket);
    waiting.send(requestHead(`POST /containers/${id}/wait?condition=next-exit`, { Connection: 'close' }));
    await waiting.takeUntil('\r\n\r\n');
    await succeeds('POST', `/containers/${id}/start`);
    await waiting.takeUntil('"StatusCode":0');
    // What was there before is read in the same turn of the event loop.
    await setImmediate();
    assert.match(attached.received.toString(), /bye/);
    await remove(id);
  });
});
