import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Readable } from 'node:stream';
import { until } from '#base/testing.ts';
import { ATTACH, ContainerFixture, collect } from './container-fixture.ts';

let fixture: ContainerFixture;
before(async () => {
  fixture = await ContainerFixture.open();
});
after(async () => {
  await fixture[Symbol.asyncDispose]();
});

const SLEEP = ['sleep', '1000'];

async function names(
  filters: Readonly<Record<string, readonly string[]>>,
  all = true,
): Promise<readonly string[]> {
  const request = { all, limit: 0, size: false, filters: new Map(Object.entries(filters)) };
  return (await fixture.containers.list(request)).map(({ Names: [name = ''] }) => name.slice(1)).toSorted();
}

async function outputOf(id: string): Promise<string> {
  const output = collect(await fixture.containers.attach(id, ATTACH));
  await fixture.containers.start(id);
  return (await output).stdout;
}

/** A container has started before its first process is the program, and long before that has started others. */
async function untilRuns(id: string, commandLine: string): Promise<void> {
  const commands = async () => (await fixture.containers.top(id, '')).rows.map((row) => row.at(-1));
  await until(async () => (await commands()).includes(commandLine), `${commandLine} runs`);
}

test('list: order, limits, states and filters', async () => {
  const one = await fixture.create(SLEEP, { Labels: { tier: 'web' } }, 'one');
  await fixture.containers.start(one);
  const two = await fixture.create(['sh', '-c', 'exit 3'], { Labels: { tier: 'db' } }, 'two');
  await fixture.containers.start(two);
  assert.equal(await fixture.exitCode(two), 3);
  await fixture.create(['echo', 'a b', 'c'], { HostConfig: { Binds: ['/tmp:/host:ro'] } }, 'three');
  const newest = await fixture.containers.list({ all: false, limit: 1, size: false, filters: new Map() });
  assert.deepEqual(
    newest.map(({ Names, Command, State, Status }) => [Names, Command, State, Status]),
    [[['/three'], "echo 'a b' c", 'created', 'Created']],
  );
  assert.deepEqual(await names({}, false), ['one']);
  assert.deepEqual(await names({}), ['one', 'three', 'two']);
  const cases: readonly (readonly [Record<string, readonly string[]>, readonly string[]])[] = [
    [{ name: ['^/t'] }, ['three', 'two']],
    [{ name: ['one', 'two'] }, ['one', 'two']],
    [{ id: [one.slice(0, 8)] }, ['one']],
    [{ label: ['tier'] }, ['one', 'two']],
    [{ label: ['tier=web'] }, ['one']],
    [{ label: ['tier=web', 'x'] }, []],
    [{ status: ['exited', 'created'] }, ['three', 'two']],
    [{ exited: ['3'] }, ['two']],
    [{ exited: ['0'] }, []],
    [{ ancestor: ['bb:latest'] }, ['one', 'three', 'two']],
    [{ ancestor: ['other'] }, []],
    [{ before: ['two'] }, ['one']],
    [{ since: ['two'] }, ['three']],
    [{ volume: ['/host'] }, ['three']],
    [{ volume: ['/tmp'] }, ['three']],
    [{ network: ['none'] }, ['one', 'three', 'two']],
    [{ network: ['bridge'] }, []],
    [{ health: ['none'] }, ['one', 'three', 'two']],
    [{ 'is-task': ['true'] }, []],
  ];
  for (const [filters, expected] of cases)
    assert.deepEqual(await names(filters), expected, JSON.stringify(filters));
  await assert.rejects(names({ nope: ['x'] }), { code: 'invalid', message: "invalid filter 'nope'" });
  await assert.rejects(names({ status: ['x'] }), { code: 'invalid', message: /invalid filter 'status=x'/ });
  await assert.rejects(names({ exited: ['x'] }), { code: 'invalid', message: /invalid filter 'exited=x'/ });
  await assert.rejects(names({ before: ['x'] }), { code: 'not-found' });
});

test('a published port: in inspect and list as soon as start has returned', async () => {
  const id = await fixture.run(['sh', '-c', 'ip addr show eth0; cat /etc/hosts /etc/hostname; sleep 1000'], {
    ExposedPorts: { '81/udp': {} },
    HostConfig: {
      NetworkMode: 'bridge',
      PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
    },
  });
  const { NetworkSettings, Config } = await fixture.containers.inspect(id, { size: false });
  const port = NetworkSettings.Ports['80/tcp']?.[0]?.HostPort ?? '';
  assert.ok(Number(port) > 0);
  assert.equal(NetworkSettings.Ports['81/udp'], null);
  assert.match(NetworkSettings.IPAddress, /^\d+(\.\d+){3}$/);
  assert.equal(NetworkSettings.Networks['bridge']?.IPAddress, NetworkSettings.IPAddress);
  assert.equal(Config.Hostname, id.slice(0, 12));
  const [row] = await fixture.containers.list({
    all: false,
    limit: 0,
    size: false,
    filters: new Map([['id', [id]]]),
  });
  assert.deepEqual(
    row?.Ports.find(({ PublicPort }) => PublicPort),
    { IP: '127.0.0.1', PrivatePort: 80, PublicPort: Number(port), Type: 'tcp' },
  );
  assert.deepEqual(await names({ publish: [port] }), [row?.Names[0]?.slice(1)]);
  assert.deepEqual(await names({ expose: ['80/tcp'] }), [row?.Names[0]?.slice(1)]);
  await fixture.containers.kill(id, 'KILL');
  const stopped = (await fixture.containers.inspect(id, { size: false })).NetworkSettings;
  assert.deepEqual([stopped.Ports, stopped.IPAddress, Object.keys(stopped.Networks)], [{}, '', ['bridge']]);
});

test('joining another container: network, processes and shared memory', async () => {
  const first = await fixture.run(SLEEP, { HostConfig: { NetworkMode: 'bridge', IpcMode: 'shareable' } });
  await untilRuns(first, 'sleep 1000');
  const { NetworkSettings } = await fixture.containers.inspect(first, { size: false });
  const mode = `container:${first.slice(0, 12)}`;
  const second = await fixture.create(
    ['sh', '-c', 'ip -4 addr show eth0; hostname; ps -o args; echo x >/dev/shm/file'],
    {
      HostConfig: { NetworkMode: mode, PidMode: mode, IpcMode: mode },
    },
  );
  const output = await outputOf(second);
  assert.ok(output.includes(NetworkSettings.IPAddress), output);
  assert.match(output, /sleep 1000/);
  const third = await fixture.create(['cat', '/dev/shm/file'], { HostConfig: { IpcMode: mode } });
  assert.equal(await outputOf(third), 'x\n');
  await fixture.containers.kill(first, 'KILL');
  await assert.rejects(fixture.containers.start(second), {
    code: 'conflict',
    message: `cannot join network of a non running container: ${first}`,
  });
});

test('volumes: the image’s files, one for two containers, anonymous ones that go with --rm', async () => {
  const binds = { HostConfig: { Binds: ['shared:/etc'] } };
  assert.match(await outputOf(await fixture.create(['cat', '/etc/passwd'], binds)), /^root:/);
  await outputOf(await fixture.create(['sh', '-c', 'echo kept >/etc/own'], binds));
  assert.equal(await outputOf(await fixture.create(['cat', '/etc/own'], binds)), 'kept\n');
  const id = await fixture.create(['true'], {
    Volumes: { '/anonymous': {} },
    HostConfig: { AutoRemove: true },
  });
  const [mount] = (await fixture.containers.inspect(id, { size: false })).Mounts;
  assert.ok(mount?.Name && fixture.volumes.get(mount.Name));
  const { exit } = await fixture.containers.wait(id, 'removed');
  await fixture.containers.start(id);
  await exit;
  assert.equal(fixture.volumes.get(mount.Name), undefined);
  assert.equal(fixture.containers.volumeUse.containersOf('shared').length, 3);
});

test('top, stats and update of a running container', async () => {
  const id = await fixture.run(['sh', '-c', 'sleep 1000; true'], {
    HostConfig: { NetworkMode: 'bridge', Memory: 64 << 20 },
  });
  await untilRuns(id, 'sleep 1000');
  const table = await fixture.containers.top(id, '');
  assert.deepEqual(table.titles.slice(0, 3), ['UID', 'PID', 'PPID']);
  assert.deepEqual((await fixture.containers.top(id, '-o pid,cmd')).titles, ['PID', 'CMD']);
  await assert.rejects(fixture.containers.top(id, '-o cmd'), { code: 'invalid' });
  const { sample } = await fixture.containers.stats(id);
  assert.partialDeepStrictEqual(sample, { memory_stats: { limit: 64 << 20 }, num_procs: 0 });
  assert.ok(Object.hasOwn(Object(sample['networks']), 'eth0'));
  await fixture.containers.update(id, { Memory: 128 << 20, MemorySwap: 256 << 20 });
  assert.partialDeepStrictEqual((await fixture.containers.stats(id)).sample, {
    memory_stats: { limit: 128 << 20 },
  });
  assert.equal((await fixture.containers.inspect(id, { size: false })).HostConfig.Memory, 128 << 20);
  const pidsLimit = async () => (await fixture.containers.stats(id)).sample.pids_stats.limit;
  await fixture.containers.update(id, { PidsLimit: 50 });
  assert.equal(await pidsLimit(), 50);
  await fixture.containers.update(id, { PidsLimit: -1 });
  assert.equal(await pidsLimit(), undefined);
  await fixture.containers.kill(id, 'KILL');
  assert.partialDeepStrictEqual((await fixture.containers.stats(id)).sample, {
    pids_stats: {},
    memory_stats: {},
  });
  await assert.rejects(fixture.containers.top(id, ''), { code: 'conflict' });
});

test('files of running and stopped containers, their changes and sizes', async () => {
  const id = await fixture.create(['sh', '-c', 'echo data >/tmp/made; sleep 1000'], {
    HostConfig: { Binds: ['files:/vol'] },
  });
  await fixture.containers.start(id);
  const size = async () =>
    (await fixture.containers.statPath(id, '/tmp/made').catch(() => undefined))?.sizeBytes;
  await until(async () => (await size()) === 'data\n'.length, 'the file is written');
  const { tar } = await fixture.containers.getArchive(id, '/tmp/made');
  const archive = Buffer.concat(await tar.toArray());
  assert.ok(archive.includes('data\n'));
  await fixture.containers.putArchive(id, '/vol', Readable.from([archive]), {
    noOverwriteDirNonDir: false,
    copyUidGid: false,
  });
  assert.equal((await fixture.containers.statPath(id, '/vol/made')).sizeBytes, 5);
  await assert.rejects(fixture.containers.statPath(id, '/nope'), {
    code: 'not-found',
    message: `Could not find the file /nope in container ${id}`,
  });
  await fixture.containers.kill(id, 'KILL');
  assert.equal((await fixture.containers.statPath(id, '/vol/made')).sizeBytes, 5, 'in the volume');
  assert.equal((await fixture.containers.statPath(id, '/tmp/made')).name, 'made', 'in the snapshot');
  const changes = await fixture.containers.changes(id);
  assert.ok(changes.some(({ kind, path }) => kind === 'added' && path === '/tmp/made'));
  const { SizeRw, SizeRootFs, GraphDriver } = await fixture.containers.inspect(id, { size: true });
  assert.ok(SizeRw !== undefined && SizeRw >= 5 && SizeRootFs! > 1_000_000);
  assert.ok(!existsSync(`${GraphDriver.Data['MergedDir']}/bin`), 'unmounted again');
});
