/** What clients of older and newer versions of the API are told, and what they mean by their requests. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PARAMETERS } from '#wire/parameters.ts';
import { endpointOf } from '#api/route.ts';
import { ROUTES } from '#api/routes.ts';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { RawConnection, requestHead } from '../support/raw-connection.ts';

const VERSIONS = ['1.24', '1.40', '1.43', '1.44', '1.47', '1.50', '1.52', '1.54', '1.56'];

let engine: TestDaemon;

before(async () => {
  engine = await TestDaemon.start(
    '--registry-mirror',
    'http://127.0.0.1:1',
    '--insecure-registry',
    'old.test',
  );
  await importBusybox(engine);
  const annotated = { HostConfig: { Annotations: { note: 'x' } }, Cmd: ['sleep', '1000'], Image: 'bb' };
  await requestJson(engine.socket, 'POST', '/containers/create?name=one', annotated);
  await requestJson(engine.socket, 'POST', '/containers/one/start');
  await requestJson(engine.socket, 'POST', '/commit?container=one');
});

after(() => engine[Symbol.asyncDispose]());

const ask = <T>(version: string, path: string) => requestJson<T>(engine.socket, 'GET', `/v${version}${path}`);

/** Fields by the endpoint that tells them, each with the first version that has it, and the first that has not. */
const LIFETIMES: Readonly<
  Record<string, readonly (readonly [path: string, since: string, until?: string])[]>
> = {
  '/containers/one/json': [
    ['Id', '1.24'],
    ['ImageManifestDescriptor.platform.os', '1.48'],
    ['GraphDriver.Data', '1.24'],
    ['Config.OnBuild', '1.24', '1.52'],
    ['NetworkSettings.SandboxKey', '1.24'],
    ['NetworkSettings.Networks.bridge.IPAddress', '1.24'],
    ['NetworkSettings.Networks.bridge.GwPriority', '1.48'],
    ...[
      'Bridge',
      'HairpinMode',
      'LinkLocalIPv6Address',
      'LinkLocalIPv6PrefixLen',
      'SecondaryIPAddresses',
      'SecondaryIPv6Addresses',
      'EndpointID',
      'Gateway',
      'GlobalIPv6Address',
      'GlobalIPv6PrefixLen',
      'IPAddress',
      'IPPrefixLen',
      'IPv6Gateway',
      'MacAddress',
    ].map((field) => [`NetworkSettings.${field}`, '1.24', '1.52'] as const),
  ],
  '/containers/json': [
    ['0.HostConfig.NetworkMode', '1.24'],
    ['0.HostConfig.Annotations.note', '1.46'],
    ['0.ImageManifestDescriptor.digest', '1.48'],
    ['0.NetworkSettings.Networks.bridge.GwPriority', '1.48'],
    ['0.Health.Status', '1.52'],
  ],
  '/containers/one/stats?stream=0&one-shot=1': [
    ['memory_stats.usage', '1.24'],
    ['os_type', '1.52'],
  ],
  '/images/bb/json': [
    ['Size', '1.24'],
    ['VirtualSize', '1.24', '1.44'],
    ['ContainerConfig.Hostname', '1.24', '1.45'],
    ['Descriptor.digest', '1.48'],
    ['Parent', '1.24', '1.52'],
    ['Author', '1.24', '1.52'],
    ['DockerVersion', '1.24', '1.52'],
    ['Config', '1.24'],
    ['Config.Hostname', '1.24', '1.50'],
    ['Config.StdinOnce', '1.24', '1.50'],
    ['Config.Image', '1.24', '1.50'],
    ['Config.Env', '1.24', '1.52'],
    ['Config.WorkingDir', '1.24', '1.52'],
  ],
  '/images/json?filters={"dangling":["false"]}': [
    ['0.VirtualSize', '1.24', '1.44'],
    ['0.Descriptor.mediaType', '1.48'],
  ],
  '/images/json?manifests=1': [['0.Manifests.0.ID', '1.47']],
  '/images/bb/json?manifests=1': [['Manifests.0.ID', '1.48']],
  '/networks/bridge': [
    ['EnableIPv6', '1.24'],
    ['EnableIPv4', '1.48'],
    ['Containers', '1.24'],
    ['Status.IPAM.Subnets', '1.52'],
  ],
  '/networks/none': [
    ['Status.IPAM', '1.52'],
    ['Status.IPAM.Subnets', '1.57'],
  ],
  '/networks': [
    ['0.Containers', '1.24', '1.52'],
    ['0.Status', '1.57'],
  ],
  '/system/df': [
    ['LayersSize', '1.24'],
    ['Images.0.Id', '1.24'],
    ['Images.0.VirtualSize', '1.24', '1.44'],
    ['ImageUsage.TotalCount', '1.52'],
    ['ImageUsage.Items.0.Id', '1.52'],
    ['ImageUsage.Items.0.VirtualSize', '1.57'],
    ['ContainerUsage.ActiveCount', '1.52'],
    ['VolumeUsage', '1.52'],
    ['BuildCacheUsage', '1.52'],
  ],
  '/system/df?verbose=1': [['Images', '1.24', '1.52']],
  '/system/df?type=image': [
    ['ImageUsage', '1.52'],
    ['VolumeUsage', '1.57'],
  ],
  '/info': [
    ['Driver', '1.24'],
    ['ExecutionDriver', '1.24', '1.25'],
    ['RuncCommit.ID', '1.24'],
    ['RuncCommit.Expected', '1.24', '1.49'],
    ['InitCommit.Expected', '1.24', '1.49'],
    ['ContainerdCommit.Expected', '1.24', '1.49'],
    ['FirewallBackend.Driver', '1.49'],
    ['BridgeNfIptables', '1.24', '1.50'],
    ['BridgeNfIp6tables', '1.24', '1.50'],
    ['RegistryConfig.AllowNondistributableArtifactsCIDRs', '1.24', '1.47'],
    ['CDISpecDirs', '1.24'],
  ],
};

test('fields are told to the versions that have them', async () => {
  for (const version of VERSIONS) {
    for (const [path, lifetimes] of Object.entries(LIFETIMES)) {
      const answer = await ask(version, path);
      for (const [field, since, until = '1.99'] of lifetimes) {
        const isExpected = minor(version) >= minor(since) && minor(version) < minor(until);
        assert.equal(hasField(answer, field), isExpected, `${field} of ${path} in ${version}`);
      }
    }
  }
});

const minor = (version: string): number => Number(version.split('.')[1]);

function hasField(answer: unknown, path: string): boolean {
  let value = answer;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !(name in value)) return false;
    value = Object.entries(value).find(([key]) => key === name)?.[1];
  }
  return true;
}

test('fields that changed read as they did', async () => {
  const dangling = '/images/json?filters={"dangling":["true"]}';
  const image = async (version: string, path = dangling) => (await ask<readonly object[]>(version, path))[0];
  const named = '/images/json?filters={"dangling":["false"]}';
  assert.partialDeepStrictEqual(await image('1.42'), {
    RepoTags: ['<none>:<none>'],
    RepoDigests: ['<none>@<none>'],
  });
  assert.partialDeepStrictEqual(await image('1.43'), { RepoTags: [], RepoDigests: [] });
  assert.partialDeepStrictEqual(await image('1.50', named), { Containers: -1 });
  assert.partialDeepStrictEqual(await image('1.51', named), { Containers: 1 });
  const { SecurityOptions: former } = await ask<{ SecurityOptions: string[] }>('1.24', '/info');
  assert.deepEqual(former, ['seccomp']);
  const { SecurityOptions: options } = await ask<{ SecurityOptions: string[] }>('1.25', '/info');
  assert.deepEqual(options, ['name=seccomp,profile=builtin']);
});

test('disk usage is told by kind', async () => {
  const usage = await ask<Record<string, { Items: readonly object[] }>>('1.52', '/system/df?verbose=1');
  assert.partialDeepStrictEqual(usage['ContainerUsage'], { ActiveCount: 1, TotalCount: 1 });
  assert.partialDeepStrictEqual(usage['ImageUsage'], { ActiveCount: 1, TotalCount: 2 });
  assert.equal(usage['ImageUsage']?.Items.length, 2);
});

test('a network tells which of its addresses are taken', async () => {
  type Network = { Status: { IPAM: { Subnets: Record<string, object> } } };
  const { Status } = await ask<Network>('1.52', '/networks/bridge');
  const [[subnet, status] = ['', {}]] = Object.entries(Status.IPAM.Subnets);
  const size = 2 ** (32 - Number(subnet.split('/')[1]));
  // The network, its broadcast address, the gateway and the container.
  assert.deepEqual(status, { IPsInUse: 4, DynamicIPsAvailable: size - 4 });
});

test('info tells mirrors and insecure registries', async () => {
  const { RegistryConfig } = await ask<{ RegistryConfig: object }>('1.56', '/info');
  assert.deepEqual(RegistryConfig, {
    InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'],
    IndexConfigs: {
      'docker.io': { Name: 'docker.io', Mirrors: ['http://127.0.0.1:1/'], Secure: true, Official: true },
      'old.test': { Name: 'old.test', Mirrors: [], Secure: false, Official: false },
    },
    Mirrors: ['http://127.0.0.1:1/'],
  });
});

test('events come in the form that is asked for, and with former fields to former clients', async () => {
  const created = await requestJson<{ Id: string }>(engine.socket, 'POST', '/containers/create?name=two', {
    Image: 'bb',
    Cmd: ['true'],
  });
  const path = `/events?since=1&until=${Date.now() / 1000}&filters={"container":["${created.Id}"]}`;
  const events = async (version: string, accept?: string) => {
    const headers = accept === undefined ? {} : { Accept: accept };
    const answer = await request(engine.socket, 'GET', `/v${version}${path}`, undefined, headers);
    return { type: answer.headers['content-type'], body: answer.body };
  };
  const former = await events('1.51');
  assert.equal(former.type, 'application/json');
  assert.partialDeepStrictEqual(JSON.parse(former.body), { status: 'create', id: created.Id, from: 'bb' });
  const current = await events('1.52', '*/*');
  assert.equal(current.type, 'application/jsonl');
  assert.deepEqual(
    ['status', 'id', 'from', 'Type'].map((field) => field in JSON.parse(current.body)),
    [false, false, false, true],
  );
  for (const type of ['application/jsonl', 'application/x-ndjson', 'application/json-seq'])
    assert.equal((await events('1.56', `text/html, ${type};q=0.5`)).type, type);
  const preferred = await events(
    '1.56',
    'application/jsonl;q=0.1, application/json-seq, application/x-ndjson;q=0',
  );
  assert.equal(preferred.type, 'application/json-seq');
  assert.equal(preferred.body, `\x1e${current.body}`);
});

const statusOf = async (version: string, method: string, path: string) =>
  (await request(engine.socket, method, `/v${version}${path}`)).status;

const namesMatching = async (version: string) =>
  (await ask<readonly { RepoTags: string[] }[]>(version, '/images/json?filter=b*')).length;

test('parameters mean nothing to versions without them', async () => {
  const endpoints = new Set(ROUTES.map(endpointOf));
  assert.deepEqual(
    Object.keys(PARAMETERS).filter((endpoint) => !endpoints.has(endpoint)),
    [],
    'these are endpoints',
  );
  assert.equal(await statusOf('1.41', 'GET', '/system/df?type=nope'), 200);
  assert.equal(await statusOf('1.42', 'GET', '/system/df?type=nope'), 400);
  assert.equal(await statusOf('1.48', 'GET', '/images/bb/json?platform=nope'), 200);
  assert.equal(await statusOf('1.49', 'GET', '/images/bb/json?platform=nope'), 400);
  assert.deepEqual([await namesMatching('1.40'), await namesMatching('1.41')], [1, 2]);
  assert.equal(await statusOf('1.53', 'GET', '/images/json?identity=1'), 200);
  assert.equal(await statusOf('1.54', 'GET', '/images/json?identity=1'), 400);
  assert.equal(await statusOf('1.54', 'GET', '/images/json?identity=1&manifests=1'), 200);
  assert.equal(await statusOf('1.54', 'GET', '/images/bb/attestations'), 400);
  assert.equal(await statusOf('1.55', 'GET', '/images/bb/attestations'), 200);
  assert.equal(await statusOf('1.55', 'GET', '/images/nope/attestations'), 404);
});

const createAs = async (version: string, body: object) => {
  const answer = await request(engine.socket, 'POST', `/v${version}/containers/create`, {
    Image: 'bb',
    Cmd: ['true'],
    ...body,
  });
  const {
    Id = '',
    message,
    Warnings,
  }: { Id?: string; message?: string; Warnings?: string[] } = JSON.parse(answer.body);
  if (answer.status !== 201) return message;
  const shown = await requestJson<{ HostConfig: object }>(engine.socket, 'GET', `/containers/${Id}/json`);
  return { ...shown.HostConfig, Warnings };
};

const host = (HostConfig: object) => ({ HostConfig });

const expect = async (version: string, body: object, expected: object | string) => {
  const actual = await createAs(version, body);
  if (typeof expected === 'string') assert.equal(actual, expected);
  else assert.partialDeepStrictEqual(actual, expected);
};

test('a request for a container means what its version knew', async () => {
  await expect('1.39', {}, { IpcMode: 'shareable' });
  await expect('1.40', {}, { IpcMode: 'private' });
  await expect('1.24', host({ AutoRemove: true }), { AutoRemove: false });
  await expect('1.41', host({ ConsoleSize: [9, 9] }), { ConsoleSize: [0, 0] });
  await expect('1.42', host({ ConsoleSize: [9, 9] }), { ConsoleSize: [9, 9] });
  const strange = host({ Mounts: [{ Type: 'volume', Target: '/v', TmpfsOptions: { SizeBytes: 1 } }] });
  await expect('1.41', strange, { Mounts: [{ Type: 'volume', Target: '/v' }] });
  await expect('1.42', strange, 'TmpfsOptions must not be specified on mount type "volume"');
  const forced = host({
    Mounts: [{ Type: 'bind', Source: '/', Target: '/v', BindOptions: { ReadOnlyForceRecursive: true } }],
  });
  await expect('1.43', forced, 'BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
  const subpath = host({
    Mounts: [{ Type: 'volume', Source: 'v', Target: '/v', VolumeOptions: { Subpath: 'x' } }],
  });
  await expect('1.44', subpath, 'VolumeOptions.Subpath needs API v1.45 or newer');
  await expect(
    '1.52',
    { MacAddress: '02:42:ac:11:00:07' },
    'container-wide MAC address no longer supported; use endpoint-specific MAC address instead',
  );
  const driven = host({ VolumeDriver: 'local', Mounts: [{ Type: 'volume', Source: 'vol', Target: '/v' }] });
  await expect('1.47', driven, { Warnings: [] });
  await expect('1.48', driven, {
    Warnings: [
      "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via 'mount'. Use '--mount type=volume,volume-driver=...' instead",
    ],
  });
  const unbound = host({ PortBindings: { '80/tcp': [] } });
  await expect('1.51', unbound, { Warnings: [] });
  await expect('1.52', unbound, {
    Warnings: [
      'Following container port(s) have an empty list of port-bindings: 80/tcp. Such bindings will be discarded in a future version.',
    ],
  });
});

test('output that is multiplexed is called so from 1.42 on', async () => {
  const typeOf = async (version: string) =>
    (await request(engine.socket, 'GET', `/v${version}/containers/one/logs?stdout=1`)).headers[
      'content-type'
    ];
  assert.equal(await typeOf('1.41'), 'application/vnd.docker.raw-stream');
  assert.equal(await typeOf('1.42'), 'application/vnd.docker.multiplexed-stream');
  using connection = new RawConnection(engine.socket);
  const headers = { Connection: 'Upgrade', Upgrade: 'tcp' };
  connection.send(requestHead('POST /v1.41/containers/one/attach?stream=1&stdout=1', headers));
  assert.match(await connection.takeUntil('\r\n\r\n'), /^HTTP\/1\.1 101[\s\S]*raw-stream/);
});

const writes = async (version: string) => {
  const name = `ro-${version}`;
  await requestJson(engine.socket, 'POST', `/v${version}/containers/create?name=${name}`, {
    Image: 'bb',
    Cmd: ['sh', '-c', 'touch /host/shm/probe-of-bind && rm /host/shm/probe-of-bind'],
    HostConfig: { Binds: ['/dev:/host:ro'], NetworkMode: 'none' },
  });
  await requestJson(engine.socket, 'POST', `/containers/${name}/start`);
  return await requestJson(engine.socket, 'POST', `/containers/${name}/wait`);
};

test('mounts below a read-only bind stay writable for clients before 1.44', async () => {
  assert.deepEqual(await writes('1.43'), { StatusCode: 0 });
  assert.deepEqual(await writes('1.44'), { StatusCode: 1 });
});

const updateAs = async (version: string, body: object) => {
  await requestJson(engine.socket, 'POST', `/v${version}/containers/one/update`, body);
  const { HostConfig } = await ask<{ HostConfig: Record<string, unknown> }>('1.56', '/containers/one/json');
  return [HostConfig['PidsLimit'], HostConfig['BlkioDeviceReadBps']];
};

test('an update changes what its version knew', async () => {
  const limits = { PidsLimit: 100, BlkioDeviceReadBps: [] };
  assert.deepEqual(await updateAs('1.39', limits), [null, null]);
  assert.deepEqual(await updateAs('1.40', limits), [100, null]);
});

test("what Docker's command line of version 29 sends, and reads", async () => {
  const agent = { 'User-Agent': 'Docker-Client/29.3.0 (linux)' };
  const send = async (method: string, path: string) =>
    await request(engine.socket, method, path, undefined, agent);
  const { headers } = await send('HEAD', '/_ping');
  assert.ok(minor(String(headers['api-version'])) >= 54, 'it speaks 1.54, and no more');
  const read = async (path: string) => JSON.parse((await send('GET', `/v1.54${path}`)).body);
  const [image] = await read(
    '/images/json?filters=%7B%22dangling%22%3A%7B%22false%22%3Atrue%7D%7D&manifests=1',
  );
  assert.deepEqual([image.Containers > 0, image.Manifests[0].Available], [true, true]);
  assert.partialDeepStrictEqual(await read('/system/df?verbose=1'), { ImageUsage: { ActiveCount: 1 } });
  const [row] = await read('/containers/json');
  assert.deepEqual(row.ImageManifestDescriptor.platform.os, 'linux');
  assert.equal((await read('/containers/one/stats?stream=0&one-shot=1')).os_type, 'linux');
  using connection = new RawConnection(engine.socket);
  const accepted = ['application/jsonl', 'application/x-ndjson;q=0.9', 'application/json-seq;q=0.5'];
  const lines = accepted.map((type) => `Accept: ${type}`).join('\r\n');
  connection.send(
    `GET /v1.54/events?since=1&until=2 HTTP/1.1\r\nHost: api.moby.localhost\r\n${lines}\r\n\r\n`,
  );
  assert.match(await connection.takeUntil('\r\n\r\n'), /Content-Type: application\/jsonl\r\n/);
});
