/** Files that never answer: whose they are waits, is told so and can be stopped; everyone else goes on. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test, type TestContext } from 'node:test';
import { mountHung } from '../../src/linux/hung-mount.fixture.ts';
import { holdLease } from '../../src/linux/lease.fixture.ts';
import { until } from '#base/testing.ts';
import { watchOpening } from '../../src/linux/permission-watch.fixture.ts';
import { TestDaemon } from '../support/daemon.ts';
import { tarOf, type TarMember } from '../fixtures/tar.ts';
import { importBusybox } from '../support/docker.ts';
import { type Answer, request, requestJson } from '../support/http.ts';

let engine: TestDaemon;
/** A container of another user. */
let neighbour: string;

before(async () => {
  engine = await TestDaemon.start();
  await importBusybox(engine);
  neighbour = await run();
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

async function create(
  hostConfig: object = {},
  command: readonly string[] = ['sleep', '600'],
): Promise<string> {
  const body = { Image: 'bb', Cmd: command, HostConfig: { NetworkMode: 'none', ...hostConfig } };
  return (await requestJson<{ Id: string }>(engine.socket, 'POST', '/containers/create', body)).Id;
}

async function run(hostConfig: object = {}): Promise<string> {
  const id = await create(hostConfig);
  await succeed('POST', `/containers/${id}/start`);
  return id;
}

async function succeed(method: string, path: string): Promise<Answer> {
  const answer = await request(engine.socket, method, path);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.body}`);
  return answer;
}

function refusedWith(hostConfig: object): Promise<Answer> {
  const body = { Image: 'bb', Cmd: ['true'], HostConfig: hostConfig };
  return request(engine.socket, 'POST', '/containers/create', body);
}

async function startedWith(hostConfig: object): Promise<Answer> {
  return await request(engine.socket, 'POST', `/containers/${await create(hostConfig)}/start`);
}

async function pidOf(id: string): Promise<number> {
  const path = `/containers/${id}/json`;
  return (await requestJson<{ State: { Pid: number } }>(engine.socket, 'GET', path)).State.Pid;
}

/** Detached: the answer says whether it could be started. */
async function exec(id: string, command: readonly string[], more: object = {}): Promise<Answer> {
  const body = { Cmd: command, ...more };
  const { Id } = await requestJson<{ Id: string }>(engine.socket, 'POST', `/containers/${id}/exec`, body);
  return await request(engine.socket, 'POST', `/exec/${Id}/start`, { Detach: true });
}

async function runToItsEnd(): Promise<void> {
  const id = await create({ AutoRemove: true }, ['true']);
  const gone = request(engine.socket, 'POST', `/containers/${id}/wait?condition=removed`);
  await succeed('POST', `/containers/${id}/start`);
  await gone;
}

/**
 * Does everyone else's work while `stuck` waits. It must be waiting still when that is done once: an engine that waits
 * with it does not get there. Further rounds are for the figures.
 */
async function whileStuck(t: TestContext, stuck: Promise<unknown>): Promise<void> {
  let isStuck = true;
  const settled = () => void (isStuck = false);
  stuck.then(settled, settled);
  const work: Readonly<Record<string, () => Promise<unknown>>> = {
    _ping: () => succeed('GET', '/_ping'),
    ps: () => succeed('GET', '/containers/json?all=1'),
    run: runToItsEnd,
    exec: async () => assert.equal((await exec(neighbour, ['true'])).status, 200),
  };
  const times = new Map<string, number[]>(Object.keys(work).map((name) => [name, []]));
  for (let round = 0; round < 5; round++) {
    for (const [name, once] of Object.entries(work)) {
      const start = performance.now();
      await once();
      times.get(name)?.push(performance.now() - start);
    }
    assert.ok(round > 0 || isStuck, 'what was to hang has answered');
  }
  const medians = [...times].map(
    ([name, all]) => `${name} ${all.toSorted((a, b) => a - b)[2]?.toFixed(1)} ms`,
  );
  t.diagnostic(`meanwhile, medians: ${medians.join(', ')}`);
}

function assertHangs({ status, body }: Answer, message: RegExp): void {
  assert.equal(status, 503, body);
  assert.match(body, message);
}

/** Mounted by a process of its own, with its options; gone after the test, or when the result is called. */
async function serveHung(t: TestContext, ...options: readonly string[]): Promise<() => Promise<void>> {
  const program = join(import.meta.dirname, '../../src/linux/hung-mount.fixture.ts');
  const child = spawn(process.execPath, [program, ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const end = async () => {
    child.stdin.end();
    await exited;
  };
  t.after(end);
  const [said] = await Promise.race([once(child.stdout, 'data'), exited]);
  assert.equal(String(said), 'mounted\n');
  return end;
}

/** All of it but threads that cannot be killed. */
async function untilEnded({ pid }: TestDaemon): Promise<void> {
  await until(() => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z '), 'the daemon has ended');
}

async function build(...members: readonly TarMember[]): Promise<string> {
  return (await request(engine.socket, 'POST', '/build', Readable.from([tarOf(...members)]))).body;
}

function filter(value: object): string {
  return `filters=${encodeURIComponent(JSON.stringify(value))}`;
}

// Most of their time is waiting for a deadline.
describe('everyone else goes on', { concurrency: true }, () => {
  test('a lease on /etc/passwd holds up execs in its container only', async (t) => {
    const id = await run();
    const held: Promise<Answer>[] = [];
    {
      using _lease = holdLease(`/proc/${await pidOf(id)}/root/etc/passwd`);
      const stuck = exec(id, ['true']);
      held.push(request(engine.socket, 'GET', `/containers/${id}/export`));
      held.push(request(engine.socket, 'GET', `/containers/${id}/archive?path=/etc/passwd`));
      await whileStuck(t, Promise.race([stuck, ...held]));
      assertHangs(
        await stuck,
        /Cannot read \/etc\/passwd and \/etc\/group: the file system of container [0-9a-f]{12} has not answered for \d+ s; .*kill the container/,
      );
    }
    // What takes longer to give up than the lease was held, goes on.
    for (const { status, body } of await Promise.all(held)) {
      assert.equal(status, 200);
      assert.match(body, /root:x:0:0/);
    }
    assert.equal((await exec(id, ['true'])).status, 200);
    await succeed('DELETE', `/containers/${id}?force=1`);
  });

  test('a lease on a program holds up execs of it only', async (t) => {
    const id = await run();
    const answer = await exec(id, ['sh', '-c', 'cp /bin/busybox /own && mkdir /done']);
    assert.equal(answer.status, 200, answer.body);
    const root = `/proc/${await pidOf(id)}/root`;
    await until(() => existsSync(`${root}/done`), 'the program is copied');
    const path = `${root}/own`;
    using _lease = holdLease(path);
    const stuck = exec(id, ['/own', 'true']);
    await whileStuck(t, stuck);
    assertHangs(await stuck, /Cannot look at program \/own: the file system of container/);
    await succeed('DELETE', `/containers/${id}?force=1`);
  });

  test('a watch on /etc/passwd that answers nothing holds up execs in its container only', async (t) => {
    const id = await run({ Privileged: true });
    {
      using _watch = watchOpening(`/proc/${await pidOf(id)}/root/etc/passwd`);
      const stuck = exec(id, ['true']);
      await whileStuck(t, stuck);
      assertHangs(await stuck, /Cannot read \/etc\/passwd and \/etc\/group: the file system of container/);
    }
    assert.equal((await exec(id, ['true'])).status, 200);
    await succeed('DELETE', `/containers/${id}?force=1`);
  });

  test('a bind source that never answers holds up its container only', async (t) => {
    const source = mkdtempSync('/tmp/caisson-hung-');
    const hung = mountHung(source);
    try {
      const id = await create({ Binds: [`${source}/data:/data`] });
      const stuck = request(engine.socket, 'POST', `/containers/${id}/start`);
      const mount = { Type: 'bind', Source: `${source}/data`, Target: '/data' };
      const devices = [{ PathOnHost: `${source}/device`, PathInContainer: '/x', CgroupPermissions: 'r' }];
      const [missing, device] = [refusedWith({ Mounts: [mount] }), startedWith({ Devices: devices })];
      await whileStuck(t, Promise.race([stuck, missing, device]));
      assertHangs(await missing, /Cannot mount/);
      assertHangs(
        await device,
        new RegExp(`Cannot look at device ${source}/device: the file system at ${source}`),
      );
      assertHangs(
        await stuck,
        new RegExp(
          `Cannot mount ${source}/data: the file system at ${source} .fuse. has not answered for .*umount -f ${source}`,
        ),
      );
      await succeed('GET', `/containers/${id}/json`);
      await succeed('DELETE', `/containers/${id}`);
    } finally {
      hung[Symbol.dispose]();
      rmdirSync(source);
    }
  });

  test('a FIFO in place of a file is as good as none', async () => {
    const id = await run();
    const replace =
      'rm -f /etc/passwd /etc/group; mkfifo /etc/passwd /etc/group /fifo; chmod 755 /fifo; mkdir /done';
    assert.equal((await exec(id, ['sh', '-c', replace])).status, 200);
    const pid = await pidOf(id);
    await until(() => existsSync(`/proc/${pid}/root/done`), 'the files are replaced');
    assert.equal((await exec(id, ['true'], { User: '5' })).status, 200);
    assert.match((await exec(id, ['true'], { User: 'daemon' })).body, /no matching entries in passwd file/);
    assert.notEqual((await exec(id, ['/fifo'])).status, 200);
    await succeed('POST', `/containers/${id}/restart?t=0`);
    await succeed('GET', `/containers/${id}/archive?path=/etc`);
    await succeed('DELETE', `/containers/${id}?force=1`);
  });

  test('a FIFO or a device in a context or an image holds no build up', async () => {
    const pipe: TarMember = { path: 'pipe', type: 'fifo', mode: 0o644 };
    const lines = [
      'FROM bb',
      'ADD pipe /pipe',
      'FROM bb',
      'COPY --from=0 /pipe /copied',
      'ADD --unpack=true pipe /x',
    ];
    const added = await build({ path: 'Dockerfile', content: lines.join('\n') }, pipe);
    assert.match(added, /Step 2\/\d : ADD pipe/);
    for (const type of ['fifo', 'character'] as const) {
      const device = { path: 'Dockerfile', type, deviceMajor: 1, deviceMinor: 5 };
      assert.match(
        await build(device),
        /Cannot locate specified Dockerfile|failed to read dockerfile|no such file/i,
      );
    }
  });

  test('patterns that are made to take for ever do not', async () => {
    const name = 'a'.repeat(60);
    const labels = { [`${'a'.repeat(60)}!`]: 'x' };
    const LogConfig = { Type: 'json-file', Config: { 'labels-regex': '^(a+)+$' } };
    const body = { Image: 'bb', Cmd: ['true'], Labels: labels, HostConfig: { LogConfig } };
    const path = `/containers/create?name=${name}-`;
    const { Id } = await requestJson<{ Id: string }>(engine.socket, 'POST', path, body);
    await succeed('POST', `/containers/${Id}/start`);
    await succeed('GET', `/containers/json?${filter({ name: ['^/?(a+)+$'] })}`);
    await succeed('GET', `/images/json?${filter({ reference: [`${'*b*'.repeat(2000)}c`] })}`);
    const found = await requestJson<unknown[]>(
      engine.socket,
      'GET',
      `/containers/json?all=1&${filter({ name: ['^/?(a+)+-$'] })}`,
    );
    assert.equal(found.length, 1);
    LogConfig.Config['labels-regex'] = '(a';
    const refused = await request(engine.socket, 'POST', '/containers/create', body);
    assert.equal(refused.status, 400);
    assert.match(
      refused.body,
      /failed to initialize logging driver: error parsing regexp: missing closing \)/,
    );
    await succeed('DELETE', `/containers/${Id}?force=1`);
  });
});

test('a file system in a container that never answers holds up cp there; a daemon stops and starts with it', async (t) => {
  const source = mkdtempSync('/tmp/caisson-hung-');
  mkdirSync(join(source, 'inside'));
  await serveHung(t, join(source, 'inside'));
  t.after(() => rmSync(source, { recursive: true }));
  const id = await run({ Binds: [`${source}:/bound`] });
  const file = '/bound/inside/file';
  const archive = `/containers/${id}/archive?path=${file}`;
  // As many as have a place, and more.
  const stuck = Promise.all(Array.from({ length: 6 }, () => request(engine.socket, 'GET', archive)));
  await whileStuck(t, stuck);
  for (const answer of await stuck)
    assertHangs(answer, /Cannot find \/bound\/inside\/file: the file system of container/);
  // Refused at once now.
  assertHangs(await request(engine.socket, 'GET', archive), /Cannot find \/bound\/inside\/file/);
  assert.equal((await exec(id, ['true'])).status, 200);
  await engine.stop();
  await engine.start();
  await succeed('GET', `/containers/${id}/json`);
  await whileStuck(t, request(engine.socket, 'GET', archive));
  await engine.crash();
  await succeed('POST', `/containers/${id}/kill`);
  await succeed('DELETE', `/containers/${id}?force=1`);
});

test('a daemon ends and the next one starts while threads of it cannot even be killed', async (t) => {
  const source = mkdtempSync('/tmp/caisson-hung-');
  t.after(() => rmdirSync(source));
  const answer = await serveHung(t, '--takes-requests', source);
  const id = await create({ Binds: [`${source}/data:/data`] });
  const start = () => request(engine.socket, 'POST', `/containers/${id}/start`);
  const stuck = start();
  await whileStuck(t, stuck);
  assertHangs(await stuck, /Cannot mount/);
  const former = engine;
  const stopped = former.stop();
  await untilEnded(former);
  engine = new TestDaemon({ directory: former.directory });
  await engine.start();
  await whileStuck(t, start());
  // One that is killed keeps its root until then, and the next one says so.
  const killed = engine.kill();
  await untilEnded(engine);
  const next = new TestDaemon({ directory: former.directory });
  await assert.rejects(next.start(), /in use by process \d+, which was killed, but waits for a file system/);
  await answer();
  await Promise.all([stopped, killed]);
  await engine.start();
  await succeed('DELETE', `/containers/${id}`);
});
