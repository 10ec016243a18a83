/** Restarts beside restarts, stops, kills and removals of the same container, as clients of the API see them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';

let engine: TestDaemon;
before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
});
after(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Ends at once when it is asked to, by a signal that needs no handler: a program takes a while to install one. */
async function run(...flags: readonly string[]): Promise<string> {
  const own = ['--network', 'none', '--stop-signal', 'KILL'];
  return await dockerOk(engine, ['run', '-d', ...own, ...flags, 'bb', 'sleep', '1000']);
}

interface State {
  readonly Status: string;
  readonly Running: boolean;
  readonly Restarting: boolean;
  readonly Pid: number;
}

async function stateOf(id: string): Promise<State> {
  const { State } = await requestJson<{ readonly State: State }>(
    engine.socket,
    'GET',
    `/containers/${id}/json`,
  );
  return State;
}

async function eventsOf(id: string): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ container: [id] }));
  const until = Math.ceil(Date.now() / 1000) + 1;
  const { body } = await request(engine.socket, 'GET', `/events?since=0&until=${until}&filters=${filters}`);
  return body
    .trim()
    .split('\n')
    .map((line): string => JSON.parse(line).Action);
}

async function post(id: string, action: string): Promise<number> {
  return (await request(engine.socket, 'POST', `/containers/${id}/${action}`)).status;
}

async function remove(id: string): Promise<number> {
  return (await request(engine.socket, 'DELETE', `/containers/${id}?force=1`)).status;
}

test('five restarts at once are five restarts, one after the other', async () => {
  const id = await run();
  const before = await stateOf(id);
  const statuses = await Promise.all(Array.from({ length: 5 }, () => post(id, 'restart')));
  assert.deepEqual(statuses, [204, 204, 204, 204, 204]);
  const state = await stateOf(id);
  assert.ok(state.Running && state.Pid !== before.Pid);
  const round = ['kill', 'die', 'stop', 'start', 'restart'];
  const told = (await eventsOf(id)).filter((action) => round.includes(action));
  assert.deepEqual(told, ['start', ...Array.from({ length: 5 }, () => round).flat()]);
});

test('a restart of a container with --rm removes nothing, and its end does', async () => {
  const id = await run('--rm');
  assert.deepEqual(await Promise.all([post(id, 'restart'), post(id, 'restart')]), [204, 204]);
  assert.ok((await stateOf(id)).Running);
  assert.equal(await post(id, 'stop'), 204);
  await request(engine.socket, 'POST', `/containers/${id}/wait?condition=removed`);
  assert.equal((await request(engine.socket, 'GET', `/containers/${id}/json`)).status, 404);
});

test('restarts beside stops: each is answered, and the container runs or has exited', async () => {
  const id = await run();
  for (let round = 0; round < 4; round++) {
    const actions = ['restart', 'stop', 'restart', 'stop', 'restart'];
    const statuses = await Promise.all(actions.map((action) => post(id, action)));
    for (const [index, status] of statuses.entries()) {
      const allowed = actions[index] === 'stop' ? [204, 304] : [204];
      assert.ok(allowed.includes(status), `${actions[index]}: ${status}`);
    }
    const state = await stateOf(id);
    assert.ok(!state.Restarting && ['running', 'exited'].includes(state.Status), state.Status);
  }
});

test('restarts beside kills: the container runs afterwards', async () => {
  const id = await run();
  for (let round = 0; round < 4; round++) {
    const actions = ['restart', 'kill', 'restart', 'kill'];
    const statuses = await Promise.all(actions.map((action) => post(id, action)));
    assert.deepEqual([statuses[0], statuses[2]], [204, 204]);
    for (const status of [statuses[1], statuses[3]]) assert.ok(status === 204 || status === 409, `${status}`);
    // A kill may have come last.
    if (!(await stateOf(id)).Running) assert.equal(await post(id, 'start'), 204);
  }
});

test('restarts beside removals: the container is gone, and nothing of it is left', async () => {
  for (let round = 0; round < 4; round++) {
    const id = await run();
    const [first, second, removed, third] = await Promise.all([
      post(id, 'restart'),
      post(id, 'restart'),
      remove(id),
      post(id, 'restart'),
    ]);
    assert.equal(removed, 204);
    for (const status of [first, second, third]) assert.ok([204, 404, 409].includes(status), `${status}`);
    assert.equal((await request(engine.socket, 'GET', `/containers/${id}/json`)).status, 404);
  }
});
