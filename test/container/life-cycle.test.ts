import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { until } from '#base/testing.ts';
import { isAlive, parentOf } from '#linux/process.ts';
import { ATTACH, ContainerFixture, collect, logOf } from './container-fixture.ts';

let fixture: ContainerFixture;
before(async () => {
  fixture = await ContainerFixture.open();
});
after(async () => {
  await fixture[Symbol.asyncDispose]();
});

const REMOVE = { force: false, volumes: false, link: false };
const SLEEP = ['sleep', '1000'];

async function stateOf(id: string) {
  return (await fixture.containers.inspect(id, { size: false })).State;
}

/** Waits until a container has said something: it catches signals then. */
async function untilReady(id: string): Promise<void> {
  using attachment = await fixture.containers.attach(id, { ...ATTACH, logs: true });
  await once(attachment.output, 'readable');
}

function actionsOf(id: string): readonly string[] {
  return fixture.events.filter((event) => event.id === id).map(({ action }) => action);
}

test('created, started, exited, removed', async () => {
  const id = await fixture.create(['sh', '-c', 'exit 7'], { Labels: { a: 'b' } }, 'whole');
  assert.equal((await stateOf(id)).Status, 'created');
  const { exit } = await fixture.containers.wait(id, 'next-exit');
  await fixture.containers.start('whole');
  assert.deepEqual(await exit, { exitCode: 7 });
  const state = await stateOf(id);
  assert.deepEqual([state.Status, state.ExitCode, state.Pid, state.Error], ['exited', 7, 0, '']);
  assert.ok(Date.parse(state.FinishedAt) >= Date.parse(state.StartedAt));
  const removed = (await fixture.containers.wait(id, 'removed')).exit;
  await fixture.containers.remove(id.slice(0, 12), REMOVE);
  assert.deepEqual(await removed, { exitCode: 7 });
  assert.deepEqual(actionsOf(id), ['create', 'start', 'die', 'destroy']);
  const die = fixture.events.find((event) => event.id === id && event.action === 'die');
  const seconds = Math.floor((Date.parse(state.FinishedAt) - Date.parse(state.StartedAt)) / 1000);
  const labelled = { a: 'b', image: 'bb', name: 'whole' };
  assert.deepEqual(die?.attributes, { ...labelled, execDuration: String(seconds), exitCode: '7' });
  await assert.rejects(fixture.containers.start('whole'), {
    code: 'not-found',
    message: 'No such container: whole',
  });
});

test('a running container: what is allowed and what is not', async () => {
  const id = await fixture.run(SLEEP);
  const state = await stateOf(id);
  assert.ok(state.Running && existsSync(`/proc/${state.Pid}`));
  assert.match(readFileSync(`/proc/${state.Pid}/cgroup`, 'utf8'), new RegExp(id));
  await assert.rejects(fixture.containers.start(id), (error) => isEngineError(error, 'not-modified'));
  await assert.rejects(fixture.containers.unpause(id), {
    code: 'conflict',
    message: `Container ${id} is not paused`,
  });
  const { Name } = await fixture.containers.inspect(id, { size: false });
  await assert.rejects(fixture.containers.remove(id, REMOVE), {
    code: 'conflict',
    message: `cannot remove container "${Name}": container is running: stop the container before removing or force remove`,
  });
  await fixture.containers.kill(id, 'KILL');
  assert.equal((await stateOf(id)).ExitCode, 137);
  await assert.rejects(fixture.containers.kill(id, 'TERM'), {
    code: 'conflict',
    message: `container ${id} is not running`,
  });
  await assert.rejects(fixture.containers.stop(id), (error) => isEngineError(error, 'not-modified'));
  assert.deepEqual(actionsOf(id), ['create', 'start', 'kill', 'die']);
});

test('stop asks first, and kills when the time is up', async () => {
  const polite = await fixture.run([
    'sh',
    '-c',
    'trap "exit 3" TERM; echo ready; while :; do sleep 0.01; done',
  ]);
  await untilReady(polite);
  await fixture.containers.stop(polite);
  assert.equal((await stateOf(polite)).ExitCode, 3);
  assert.deepEqual(actionsOf(polite), ['create', 'start', 'attach', 'kill', 'die', 'stop']);
  const custom = await fixture.run(
    ['sh', '-c', 'trap "exit 4" USR1; echo ready; while :; do sleep 0.01; done'],
    {
      StopSignal: 'SIGUSR1',
    },
  );
  await untilReady(custom);
  await fixture.containers.stop(custom, { timeoutSeconds: -1 });
  assert.equal((await stateOf(custom)).ExitCode, 4);
  const stubborn = await fixture.run(SLEEP);
  await fixture.containers.stop(stubborn, { timeoutSeconds: 0 });
  assert.equal((await stateOf(stubborn)).ExitCode, 137);
});

test('restart gives a new process and new times', async () => {
  const id = await fixture.run(SLEEP, { HostConfig: { AutoRemove: true } });
  const first = await stateOf(id);
  await fixture.containers.restart(id, { timeoutSeconds: 0 });
  const second = await stateOf(id);
  assert.ok(second.Running && second.Pid !== first.Pid);
  const times = [first.StartedAt, second.FinishedAt, second.StartedAt].map((text) => Date.parse(text));
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.equal(actionsOf(id).at(-1), 'restart');
  await fixture.containers.kill(id, 'KILL');
  await (await fixture.containers.wait(id, 'removed').catch(() => ({ exit: undefined }))).exit;
  await assert.rejects(fixture.containers.inspect(id, { size: false }), { code: 'not-found' });
});

test('a kill in the host’s PID namespace ends all processes of the container', async () => {
  const cmd = ['sh', '-c', 'sleep 1000 & echo $!; wait'];
  const id = await fixture.run(cmd, { HostConfig: { PidMode: 'host' } });
  await untilReady(id);
  const child = Number(await logOf(fixture, id));
  assert.ok(child > 0 && existsSync(`/proc/${child}`));
  await fixture.containers.kill(id, 'KILL');
  assert.equal((await stateOf(id)).ExitCode, 137);
  await until(() => !isAlive(child), 'the child has ended');
});

test('a runtime that is killed takes its container along, which can be started again', async () => {
  const id = await fixture.run(SLEEP);
  const { Pid } = await stateOf(id);
  const { exit } = await fixture.containers.wait(id, 'next-exit');
  process.kill(parentOf(Pid) ?? 0, 'SIGKILL');
  assert.deepEqual(await exit, { exitCode: 137 });
  await until(() => !isAlive(Pid), 'the process has ended');
  await fixture.containers.start(id);
  assert.notEqual((await stateOf(id)).Pid, Pid);
  await fixture.containers.remove(id, { ...REMOVE, force: true });
});

test('pause stops the processes; a paused container can be stopped', async () => {
  const id = await fixture.run(SLEEP);
  await fixture.containers.pause(id);
  assert.deepEqual(
    [(await stateOf(id)).Status, (await stateOf(id)).Running, (await stateOf(id)).Paused],
    ['paused', true, true],
  );
  await assert.rejects(fixture.containers.pause(id), {
    code: 'conflict',
    message: `container ${id} is already paused`,
  });
  await assert.rejects(fixture.containers.start(id), { code: 'conflict' });
  await assert.rejects(fixture.containers.attach(id, ATTACH), { code: 'conflict' });
  await fixture.containers.unpause(id);
  assert.equal((await stateOf(id)).Status, 'running');
  await fixture.containers.pause(id);
  await fixture.containers.kill(id, 'KILL');
  assert.equal((await stateOf(id)).Status, 'exited');
  assert.deepEqual(
    actionsOf(id).filter((action) => /pause/.test(action)),
    ['pause', 'unpause', 'pause', 'unpause'],
  );
});

test('--rm removes the container, whatever ended it', async () => {
  const id = await fixture.create(['sh', '-c', 'exit 5'], { HostConfig: { AutoRemove: true } });
  const { exit } = await fixture.containers.wait(id, 'removed');
  await fixture.containers.start(id);
  assert.deepEqual(await exit, { exitCode: 5 });
  await assert.rejects(fixture.containers.inspect(id, { size: false }), { code: 'not-found' });
  assert.deepEqual(actionsOf(id), ['create', 'start', 'die', 'destroy']);
});

test('what cannot be executed: the text, the code, the state, and no output', async () => {
  const prefix =
    'failed to create task for container: failed to create shim task: OCI runtime create failed: ' +
    'runc create failed: unable to start container process: exec: ';
  const cases = [
    [['nope'], 127, '"nope": executable file not found in $PATH'],
    [['/nonexist'], 127, '"/nonexist": stat /nonexist: no such file or directory'],
    [['/etc/passwd'], 126, '"/etc/passwd": permission denied'],
    [['/etc'], 126, '"/etc": is a directory: permission denied'],
  ] as const;
  for (const [cmd, exitCode, text] of cases) {
    const id = await fixture.create(cmd);
    const output = collect(await fixture.containers.attach(id, ATTACH));
    const message = `${prefix}${text}: unknown`;
    await assert.rejects(fixture.containers.start(id), { code: 'invalid', message });
    assert.deepEqual(await output, { stdout: '', stderr: '' });
    const state = await stateOf(id);
    assert.deepEqual([state.Status, state.ExitCode, state.Error], ['created', exitCode, message]);
    assert.deepEqual(actionsOf(id), ['create', 'attach']);
  }
});

test('a failed start of --rm leaves no container', async () => {
  const id = await fixture.create(['nope'], { HostConfig: { AutoRemove: true } });
  await assert.rejects(fixture.containers.start(id), { code: 'invalid' });
  await assert.rejects(fixture.containers.inspect(id, { size: false }), { code: 'not-found' });
});

test('a start that fails in the runtime leaves no control group', async () => {
  // The kernel refuses it where the group above has no such time, so the runtime is in the group by then.
  const id = await fixture.create(SLEEP, { HostConfig: { CpuRealtimeRuntime: 1e8 } });
  await assert.rejects(fixture.containers.start(id), /cpu\.rt_runtime_us|realtime/);
  const root = '/sys/fs/cgroup';
  const groups = ['', ...readdirSync(root)].map((name) => join(root, name, fixture.cgroupParent, id));
  assert.deepEqual(groups.filter(existsSync), []);
});

test('running out of memory is told', async () => {
  const id = await fixture.run(['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=64M count=1; exit $?'], {
    HostConfig: { Memory: 24 << 20, MemorySwap: 24 << 20 },
  });
  assert.equal(await fixture.exitCode(id), 137);
  assert.equal((await stateOf(id)).OOMKilled, true);
  assert.equal(actionsOf(id).filter((action) => action === 'oom').length, 1);
  const fine = await fixture.run(['true'], { HostConfig: { Memory: 64 << 20 } });
  assert.equal(await fixture.exitCode(fine), 0);
  assert.equal((await stateOf(fine)).OOMKilled, false);
});

test('names: taken, two at once, renamed', async () => {
  const id = await fixture.create(SLEEP, {}, 'alpha');
  const conflict = {
    code: 'conflict',
    message: `Conflict. The container name "/alpha" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  };
  await assert.rejects(fixture.create(SLEEP, {}, 'alpha'), conflict);
  const results = await Promise.allSettled([
    fixture.create(SLEEP, {}, 'beta'),
    fixture.create(SLEEP, {}, 'beta'),
  ]);
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  await assert.rejects(fixture.containers.rename('beta', 'alpha'), {
    code: 'conflict',
    message: `Error when allocating new name: ${conflict.message}`,
  });
  await fixture.containers.rename('alpha', 'gamma');
  assert.equal((await fixture.containers.inspect('gamma', { size: false })).Id, id);
  await assert.rejects(fixture.containers.rename('gamma', 'gamma'), { code: 'invalid' });
  assert.equal(await fixture.create(SLEEP, {}, 'alpha').then((other) => other.length), 64);
});

async function count(): Promise<number> {
  return (await fixture.containers.list({ all: true, limit: 0, size: false, filters: new Map() })).length;
}

test('what create refuses leaves nothing behind', async () => {
  const before = await count();
  const refused = [
    [{ Image: 'nope' }, 'not-found', 'No such image: nope:latest'],
    [
      { HostConfig: { LogConfig: { Type: 'x' } } },
      'invalid',
      "logger: no log driver named 'x' is registered; there are local, json-file, none",
    ],
    [{ HostConfig: { NanoCpus: 1e12 } }, 'invalid', /^Range of CPUs is from 0.01 to/],
    [{ HostConfig: { VolumesFrom: ['nope'] } }, 'invalid', 'No such container: nope'],
    [{ Hostname: 'h'.repeat(65) }, 'invalid', /is too long \(maximum 64 bytes\)/],
    [{ HostConfig: { Runtime: 'x' } }, 'invalid', 'unknown or invalid runtime name: x'],
  ] as const;
  for (const [changes, code, message] of refused) {
    await assert.rejects(fixture.create(SLEEP, changes), { code, message });
  }
  assert.equal(await count(), before);
});

test('a container to join that is not there is missed at the start', async () => {
  const id = await fixture.create(SLEEP, { HostConfig: { NetworkMode: 'container:nope' } });
  await assert.rejects(fixture.containers.start(id), {
    code: 'not-found',
    message: 'No such container: nope',
  });
});

test('forty at once, and all of them gone at once', async () => {
  const ids = await Promise.all(Array.from({ length: 40 }, () => fixture.run(SLEEP)));
  await Promise.all(ids.map((id) => fixture.containers.remove(id, { ...REMOVE, force: true })));
  for (const id of ids)
    await assert.rejects(fixture.containers.inspect(id, { size: false }), { code: 'not-found' });
});

test('prune removes what does not run and matches', async () => {
  const running = await fixture.run(SLEEP, { Labels: { prune: 'me' } });
  const kept = await fixture.create(SLEEP, { Labels: { prune: 'not' } });
  const gone = await fixture.create(SLEEP, { Labels: { prune: 'me' } });
  const report = await fixture.containers.prune(new Map([['label', ['prune=me']]]));
  assert.deepEqual(report.removed, [gone]);
  await fixture.containers.inspect(running, { size: false });
  await fixture.containers.inspect(kept, { size: false });
});
