import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonOrders } from './crash-daemon.ts';
import { until } from '#base/testing.ts';
import { ATTACH, ContainerFixture, collect, leftovers, logOf } from './container-fixture.ts';

/** Lets another process run containers, and kills it when they have said what they are to say. */
async function crash(path: string, runs: DaemonOrders['runs']): Promise<readonly string[]> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const daemon = fork(join(import.meta.dirname, 'crash-daemon.ts'), { env });
  daemon.send({ path, runs } satisfies DaemonOrders);
  const [ids] = await once(daemon, 'message');
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  return ids;
}

function newPath(): string {
  return mkdtempSync(join(tmpdir(), 'caisson-ctr-'));
}

/** A directory that containers see as /gate: what waits there for a file goes on once the test makes it. */
class Gate {
  readonly config: { readonly HostConfig: { readonly Binds: readonly string[] } };
  readonly #directory: string;

  constructor(path: string) {
    this.#directory = join(path, 'gate');
    mkdirSync(this.#directory);
    this.config = { HostConfig: { Binds: [`${this.#directory}:/gate`] } };
  }

  open(name: string): void {
    writeFileSync(join(this.#directory, name), '');
  }

  /** True if the test or a container has it open. */
  isOpen(name: string): boolean {
    return existsSync(join(this.#directory, name));
  }
}

const untilOpen = (name: string): string => `until [ -e /gate/${name} ]; do usleep 10000; done`;

/** Counts up and waits at two gates: it is quiet when the daemon is killed, for what is in flight then may be lost. */
const COUNT =
  'count() { while [ $i -lt $1 ]; do echo line $i; i=$((i+1)); usleep 5000; done; }; i=0; ' +
  `count 40; ${untilOpen('on')}; count 80; ${untilOpen('end')}; count 120; exit 42`;
const FIRST_STOP = 'line 39';
const LINES = Array.from({ length: 120 }, (_, index) => `line ${index}`);

test('a crash: containers go on, and nothing that they say afterwards is lost', async () => {
  const path = newPath();
  const gate = new Gate(path);
  const [plain = '', terminal = '', fed = ''] = await crash(path, [
    { cmd: ['sh', '-c', COUNT], config: gate.config, says: FIRST_STOP },
    { cmd: ['sh', '-c', COUNT], config: { Tty: true, ...gate.config }, says: FIRST_STOP },
    { cmd: ['sh', '-c', 'read x; echo got $x; exit 9'], config: { OpenStdin: true } },
  ]);
  gate.open('on');
  await using fixture = await ContainerFixture.open(path);
  const { State } = await fixture.containers.inspect(plain, { size: false });
  assert.ok(State.Running && existsSync(`/proc/${State.Pid}`));
  assert.equal((await fixture.containers.inspect(terminal, { size: false })).State.Running, true);
  const attachment = await fixture.containers.attach(fed, { ...ATTACH, stdin: true });
  attachment.input!.write(Buffer.from('it\n'));
  assert.equal((await collect(attachment)).stdout, 'got it\n');
  assert.equal(await fixture.exitCode(fed), 9);
  gate.open('end');
  assert.equal(await fixture.exitCode(plain), 42);
  assert.equal(await fixture.exitCode(terminal), 42);
  assert.deepEqual((await logOf(fixture, plain)).trim().split('\n'), LINES);
  assert.deepEqual((await logOf(fixture, terminal)).trim().split('\r\n'), LINES);
});

test('what ended while no daemon was there keeps its exit code and its output', async () => {
  const path = newPath();
  const gate = new Gate(path);
  const { HostConfig } = gate.config;
  const cmd = ['sh', '-c', `echo before; ${untilOpen('end')}; echo after; exit 7`];
  const limits = { Memory: 24 << 20, MemorySwap: 24 << 20 };
  const ids = await crash(path, [
    { cmd, config: gate.config, says: 'before' },
    { cmd, config: { Tty: true, ...gate.config }, says: 'before' },
    { cmd, config: { HostConfig: { AutoRemove: true, ...HostConfig } }, says: 'before' },
    {
      cmd: ['sh', '-c', `${untilOpen('end')}; dd if=/dev/zero of=/dev/null bs=64M count=1`],
      config: { HostConfig: { ...limits, ...HostConfig } },
    },
  ]);
  gate.open('end');
  for (const id of ids) {
    const notice = join(path, `run/containers/notices/${id}.exit`);
    await until(() => existsSync(notice) && readFileSync(notice, 'utf8').endsWith('\n'), `the end of ${id}`);
  }
  const [plain = '', terminal = '', removed = '', killed = ''] = ids;
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
  const gate = new Gate(first.path);
  const id = await first.run(['sh', '-c', COUNT], gate.config);
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
    Cmd: ['sh', '-c', `${untilOpen('on')}; yes | head -c 3000000; touch /gate/through`],
  });
  await first.containers.startExec(execId, { detach: true });
  // It may be in the middle of it.
  gate.open('on');
  await first.close();
  await using second = await ContainerFixture.open(first.path);
  await until(() => gate.isOpen('through'), 'the exec is not blocked by its output');
  gate.open('end');
  assert.equal(await second.exitCode(id), 42);
  assert.equal(await logOf(second, id), LINES.map((line) => `${line}\n`).join(''));
});

test('a start that a crash interrupts leaves nothing', async () => {
  const path = newPath();
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  for (const afterMs of [0, 3, 6, 10]) {
    const daemon = fork(join(import.meta.dirname, 'crash-daemon.ts'), { env });
    const runs = Array.from({ length: 50 }, () => ({ cmd: ['sleep', '1000'] }));
    daemon.send({ path, runs } satisfies DaemonOrders);
    await until(() => existsSync(join(path, 'run/containers/bundles')), 'the daemon is up');
    // The moment of the crash is what differs.
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

test('a restart that was cut off between its two runs is finished, with --rm too', async () => {
  const first = await ContainerFixture.open();
  const ids = [
    await first.run(['sleep', '1000']),
    await first.run(['sleep', '1000'], { HostConfig: { AutoRemove: true } }),
  ];
  await first.close();
  {
    using database = new DatabaseSync(join(first.path, 'root/metadata.db'));
    const all = database.prepare('SELECT id, progress FROM container_containers').all();
    for (const { id, progress } of all) {
      const { run } = JSON.parse(String(progress)).state;
      const { startedAt } = run;
      const exit = { exitCode: 143, error: '', outOfMemory: false, startedAt, finishedAt: startedAt };
      const state = { status: 'restarting', before: { status: 'exited', ...exit } };
      database
        .prepare('UPDATE container_containers SET progress = ? WHERE id = ?')
        .run(JSON.stringify({ state }), id ?? '');
    }
  }
  await using second = await ContainerFixture.open(first.path);
  const stateOf = async (id: string) => (await second.containers.inspect(id, { size: false })).State;
  for (const id of ids) {
    await until(async () => (await stateOf(id)).Running, 'it runs again');
    assert.equal((await stateOf(id)).Restarting, false);
  }
});

test('anonymous volumes of a create or a removal that was cut off go at the next start, used ones stay', async () => {
  const first = await ContainerFixture.open();
  const [orphan, used] = [await first.volumes.create({}), await first.volumes.create({})];
  await first.create(['true'], { HostConfig: { Binds: [`${used.name}:/data`] } });
  await first.close();
  {
    using database = new DatabaseSync(join(first.path, 'root/metadata.db'));
    const note = database.prepare('INSERT INTO container_orphan_volumes (name) VALUES (?)');
    for (const { name } of [orphan, used]) note.run(name);
  }
  await using second = await ContainerFixture.open(first.path);
  assert.deepEqual(
    second.volumes.list().map(({ name }) => name),
    [used.name],
  );
  using database = new DatabaseSync(join(first.path, 'root/metadata.db'), { readOnly: true });
  assert.deepEqual(database.prepare('SELECT name FROM container_orphan_volumes').all(), []);
});

test('no volume is left without an owner after a create, a removal, or a create that failed', async () => {
  await using fixture = await ContainerFixture.open();
  const id = await fixture.create(['true'], { Volumes: { '/data': {} } });
  await assert.rejects(
    fixture.create(['true'], { Volumes: { '/data': {} } }, (await nameOf(fixture, id)).slice(1)),
  );
  assert.equal(fixture.volumes.list().length, 1);
  await fixture.containers.remove(id, { force: false, volumes: true, link: false });
  assert.deepEqual(fixture.volumes.list(), []);
  using database = new DatabaseSync(join(fixture.path, 'root/metadata.db'), { readOnly: true });
  assert.deepEqual(database.prepare('SELECT name FROM container_orphan_volumes').all(), []);
});

async function nameOf(fixture: ContainerFixture, id: string): Promise<string> {
  return (await fixture.containers.inspect(id, { size: false })).Name;
}
