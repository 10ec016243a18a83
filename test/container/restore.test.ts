import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonOrders } from './crash-daemon.ts';
import { ATTACH, ContainerFixture, collect, leftovers } from './container-fixture.ts';

type Runs = DaemonOrders['runs'];

/** Lets another process run containers, and kills it `afterMs` later. */
async function crash(path: string, runs: Runs, afterMs: number): Promise<readonly string[]> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const daemon = fork(join(import.meta.dirname, 'crash-daemon.ts'), { env });
  daemon.send({ path, runs } satisfies DaemonOrders);
  const [ids] = await once(daemon, 'message');
  await sleep(afterMs);
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  return ids;
}

function newPath(): string {
  return mkdtempSync(join(tmpdir(), 'caisson-ctr-'));
}

async function logOf(fixture: ContainerFixture, id: string): Promise<string> {
  const query = { stdout: true, stderr: true, follow: false, perLine: false };
  let text = '';
  for await (const { data } of (await fixture.containers.logs(id, query)).records) text += data.toString();
  return text;
}

const COUNT = 'i=0; while [ $i -lt 120 ]; do echo line $i; i=$((i+1)); usleep 20000; done; exit 42';

test('a crash in mid-output: containers go on, and nothing that they say afterwards is lost', async () => {
  const path = newPath();
  const [plain = '', terminal = '', fed = ''] = await crash(
    path,
    [
      { cmd: ['sh', '-c', COUNT] },
      { cmd: ['sh', '-c', COUNT], config: { Tty: true } },
      { cmd: ['sh', '-c', 'read x; echo got $x; exit 9'], config: { OpenStdin: true } },
    ],
    200,
  );
  await sleep(200);
  await using fixture = await ContainerFixture.open(path);
  const { State } = await fixture.containers.inspect(plain, { size: false });
  assert.ok(State.Running && existsSync(`/proc/${State.Pid}`));
  assert.equal((await fixture.containers.inspect(terminal, { size: false })).State.Running, true);
  const attachment = await fixture.containers.attach(fed, { ...ATTACH, stdin: true });
  attachment.input!.write(Buffer.from('it\n'));
  assert.equal((await collect(attachment)).stdout, 'got it\n');
  assert.equal(await fixture.exitCode(fed), 9);
  assert.equal(await fixture.exitCode(plain), 42);
  assert.equal(await fixture.exitCode(terminal), 42);
  const lines = Array.from({ length: 120 }, (_, index) => `line ${index}`);
  assert.deepEqual((await logOf(fixture, plain)).trim().split('\n'), lines);
  assert.deepEqual((await logOf(fixture, terminal)).trim().split('\r\n'), lines);
});

test('what ended while no daemon was there keeps its exit code and its output', async () => {
  const path = newPath();
  const script = 'echo before; usleep 300000; echo after; exit 7';
  const [plain = '', terminal = '', removed = '', killed = ''] = await crash(
    path,
    [
      { cmd: ['sh', '-c', script] },
      { cmd: ['sh', '-c', script], config: { Tty: true } },
      { cmd: ['sh', '-c', script], config: { HostConfig: { AutoRemove: true } } },
      {
        cmd: ['sh', '-c', 'usleep 300000; kill -9 $$; dd if=/dev/zero of=/dev/null bs=64M count=1'],
        config: { HostConfig: { Memory: 24 << 20, MemorySwap: 24 << 20 } },
      },
    ],
    0,
  );
  await sleep(900);
  await using fixture = await ContainerFixture.open(path);
  for (const id of [plain, terminal]) {
    assert.equal(await fixture.exitCode(id), 7);
    assert.match(await logOf(fixture, id), /^before\r?\nafter\r?\n$/);
  }
  await fixture.exitCode(killed);
  assert.equal((await fixture.containers.inspect(killed, { size: false })).State.OOMKilled, true);
  const { exit } = await fixture.containers.wait(removed, 'removed').catch(() => ({ exit: undefined }));
  await exit;
  await assert.rejects(fixture.containers.inspect(removed, { size: false }), { code: 'not-found' });
});

test('a clean stop of the daemon leaves containers running and loses nothing', async () => {
  const first = await ContainerFixture.open();
  const id = await first.run(['sh', '-c', COUNT]);
  const { id: execId } = await first.containers.createExec(id, {
    User: '',
    Privileged: false,
    Tty: false,
    ConsoleSize: null,
    AttachStdin: false,
    AttachStderr: true,
    AttachStdout: true,
    Detach: true,
    DetachKeys: '',
    Env: null,
    WorkingDir: '',
    Cmd: ['sh', '-c', 'usleep 300000; yes | head -c 3000000; touch /tmp/through'],
  });
  await first.containers.startExec(execId, { detach: true, tty: false });
  await sleep(100);
  await first.close();
  await sleep(100);
  await using second = await ContainerFixture.open(first.path);
  assert.equal(await second.exitCode(id), 42);
  const lines = Array.from({ length: 120 }, (_, index) => `line ${index}\n`);
  assert.equal(await logOf(second, id), lines.join(''));
  const changes = await second.containers.changes(id);
  assert.ok(
    changes.some(({ Path }) => Path === '/tmp/through'),
    'the exec was not blocked by its output',
  );
});

test('a start that a crash interrupts leaves nothing', async () => {
  const path = newPath();
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  for (const afterMs of [0, 3, 6, 10]) {
    const daemon = fork(join(import.meta.dirname, 'crash-daemon.ts'), { env });
    const runs = Array.from({ length: 50 }, () => ({ cmd: ['sleep', '1000'] }));
    daemon.send({ path, runs } satisfies DaemonOrders);
    while (!existsSync(join(path, 'run/containers/bundles'))) await sleep(5);
    await sleep(50 + afterMs);
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
    await using fixture = await ContainerFixture.open(path);
    const all = await fixture.containers.list({ all: true, limit: 0, size: false, filters: new Map() });
    assert.ok(all.every(({ State }) => State === 'running' || State === 'created'));
    const bundles = leftovers(path).filter((name) => name.includes('bundles'));
    assert.equal(bundles.length, all.filter(({ State }) => State === 'running').length);
    rmSync(join(path, 'run/containers/none'), { force: true });
  }
});

test('a container from before the machine was restarted has exited', async () => {
  const first = await ContainerFixture.open();
  const id = await first.run(['sleep', '1000']);
  const { State } = await first.containers.inspect(id, { size: false });
  await first.close();
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(join(first.path, 'root/metadata.db'));
  database.exec(
    `UPDATE container_containers SET progress = json_set(progress, '$.state.run.bootId', 'other')`,
  );
  database.close();
  await using second = await ContainerFixture.open(first.path);
  const after = (await second.containers.inspect(id, { size: false })).State;
  assert.deepEqual([after.Status, after.ExitCode, after.StartedAt], ['exited', 255, State.StartedAt]);
});

test('anonymous volumes of a create or a removal that was cut off go at the next start, used ones stay', async () => {
  const first = await ContainerFixture.open();
  const [orphan, used] = [await first.volumes.create({}), await first.volumes.create({})];
  await first.create(['true'], { HostConfig: { Binds: [`${used.Name}:/data`] } });
  await first.close();
  {
    using database = new DatabaseSync(join(first.path, 'root/metadata.db'));
    const note = database.prepare('INSERT INTO container_owed_volumes (name) VALUES (?)');
    for (const { Name } of [orphan, used]) note.run(Name);
  }
  await using second = await ContainerFixture.open(first.path);
  assert.deepEqual(
    second.volumes.list().map(({ Name }) => Name),
    [used.Name],
  );
  using database = new DatabaseSync(join(first.path, 'root/metadata.db'), { readOnly: true });
  assert.deepEqual(database.prepare('SELECT name FROM container_owed_volumes').all(), []);
});

test('no volume is owed after a create, a removal, or a create that failed', async () => {
  await using fixture = await ContainerFixture.open();
  const id = await fixture.create(['true'], { Volumes: { '/data': {} } });
  await assert.rejects(
    fixture.create(['true'], { Volumes: { '/data': {} } }, (await nameOf(fixture, id)).slice(1)),
  );
  assert.equal(fixture.volumes.list().length, 1);
  await fixture.containers.remove(id, { force: false, volumes: true, link: false });
  assert.deepEqual(fixture.volumes.list(), []);
  using database = new DatabaseSync(join(fixture.path, 'root/metadata.db'), { readOnly: true });
  assert.deepEqual(database.prepare('SELECT name FROM container_owed_volumes').all(), []);
});

async function nameOf(fixture: ContainerFixture, id: string): Promise<string> {
  return (await fixture.containers.inspect(id, { size: false })).Name;
}
