/** Nothing that a client may say of a volume, a network, an exec or a build is accepted without effect. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tarOf } from '../fixtures/tar.ts';
import { removeCgroupParent } from '../support/cgroups.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';
import { type Answer, request, requestJson } from '../support/http.ts';
import { isUnified } from './limit-rows.ts';
import type { Body } from './option-row.ts';
import { checkRows } from './row-checks.ts';

type Checks = Readonly<Record<string, () => Promise<void>>>;

let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start();
  await importBusybox(daemon);
  await dockerOk(daemon, ['run', '-d', '--network', 'none', '--name', 'running', 'bb', 'sleep', '1000']);
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
  removeCgroupParent('caisson-build-options');
});

const post = (path: string, body: Body) => request(daemon.socket, 'POST', path, body);

async function run(checks: Checks): Promise<void> {
  for (const [name, check] of Object.entries(checks)) await assert.doesNotReject(check(), name);
}

async function refuses(path: string, body: Body, status: number, message: RegExp): Promise<void> {
  const answer = await post(path, body);
  assert.equal(answer.status, status, answer.body);
  assert.match(JSON.parse(answer.body).message, message);
}

test('options of volumes', async () => {
  const VOLUMES = '/volumes/create';
  const checks: Checks = {
    Name: async () => {
      assert.equal(JSON.parse((await post(VOLUMES, { Name: 'named' })).body).Name, 'named');
    },
    Driver: () => refuses(VOLUMES, { Driver: 'nope' }, 404, /nope/),
    DriverOpts: () => refuses(VOLUMES, { DriverOpts: { nope: 'x' } }, 400, /nope/),
    Labels: async () => {
      const { body } = await post(VOLUMES, { Name: 'labelled', Labels: { a: 'b' } });
      assert.deepEqual(JSON.parse(body).Labels, { a: 'b' });
    },
    ClusterVolumeSpec: () =>
      refuses(VOLUMES, { ClusterVolumeSpec: { Group: 'g' } }, 503, /not a swarm manager/),
  };
  checkRows('volume', checks);
  await run(checks);
});

const NETWORK = {
  Name: 'optional',
  Driver: 'bridge',
  Scope: 'local',
  Internal: true,
  Attachable: true,
  EnableIPv4: true,
  IPAM: {
    Driver: 'default',
    Config: [
      {
        Subnet: '10.231.7.0/24',
        IPRange: '10.231.7.128/25',
        Gateway: '10.231.7.3',
        AuxiliaryAddresses: { other: '10.231.7.128' },
      },
    ],
  },
  Options: { 'com.docker.network.driver.mtu': '1400' },
  Labels: { a: 'b' },
};

/** A container on the network says it. */
const seesOnNetwork = async (command: string, expected: RegExp) =>
  assert.match(await dockerOk(daemon, ['exec', 'on-network', 'sh', '-c', command]), expected);

const other = (body: Body): Body => ({ Name: 'other', ...body });

test('options of networks', async () => {
  const NETWORKS = '/networks/create';
  const created = await post(NETWORKS, NETWORK);
  assert.equal(created.status, 201, created.body);
  const attached = ['--network', 'optional', '--name', 'on-network'];
  await dockerOk(daemon, ['run', '-d', '--cap-add', 'NET_ADMIN', ...attached, 'bb', 'sleep', '1000']);
  const shows = async (field: string, expected: unknown) => {
    const network = await requestJson<Body>(daemon.socket, 'GET', '/networks/optional');
    assert.deepEqual(network[field], expected);
  };
  const checks: Checks = {
    Name: () => shows('Name', 'optional'),
    Driver: () => refuses(NETWORKS, other({ Driver: 'nope' }), 404, /plugin "nope" not found/),
    Scope: () => refuses(NETWORKS, other({ Scope: 'global' }), 501, /networks of scope global yet/),
    Internal: () => seesOnNetwork('ip route | grep -c default; true', /^0$/),
    Attachable: () => shows('Attachable', true),
    Ingress: () => refuses(NETWORKS, other({ Ingress: true }), 501, /networks of a swarm yet/),
    ConfigOnly: () => refuses(NETWORKS, other({ ConfigOnly: true }), 501, /configuration alone yet/),
    'ConfigFrom.Network': () =>
      refuses(NETWORKS, other({ ConfigFrom: { Network: 'x' } }), 501, /configuration alone/),
    'IPAM.Driver': () =>
      refuses(NETWORKS, other({ IPAM: { Driver: 'nope' } }), 404, /plugin "nope" not found/),
    'IPAM.Config.Subnet': () => seesOnNetwork('ip -4 addr show eth0', /inet 10\.231\.7\.\d+\/24 /),
    'IPAM.Config.IPRange': () =>
      seesOnNetwork('ip -4 addr show eth0', /inet 10\.231\.7\.(129|1[3-9]\d|2\d\d)\//),
    'IPAM.Config.Gateway': () => seesOnNetwork('ping -c1 -w2 10.231.7.3', /1 packets received/),
    'IPAM.Config.AuxiliaryAddresses': async () => {
      const taken = ['run', '--rm', '--network', 'optional', '--ip', '10.231.7.128', 'bb', 'true'];
      const { exitCode, stderr } = await docker(daemon, taken);
      assert.equal(exitCode, 125);
      assert.match(stderr, /Address already in use|in use/);
    },
    'IPAM.Options': async () => {
      const { body } = await post(NETWORKS, other({ IPAM: { Options: { a: 'b' } } }));
      assert.equal(JSON.parse(body).Warning, 'IPAM options have no effect: a');
    },
    EnableIPv4: async () => {
      await post(NETWORKS, { Name: 'without', EnableIPv4: false, EnableIPv6: true });
      const addresses = ['run', '--rm', '--network', 'without', 'bb', 'ip', '-4', 'addr', 'show', 'eth0'];
      assert.equal(await dockerOk(daemon, addresses), '');
    },
    EnableIPv6: async () => {
      const addresses = ['run', '--rm', '--network', 'without', 'bb', 'ip', '-6', 'addr', 'show', 'eth0'];
      assert.match(await dockerOk(daemon, addresses), /inet6 fd\S+\/64 scope global/);
      await refuses(NETWORKS, { Name: 'no', EnableIPv4: false }, 400, /IPv4 or IPv6 must be enabled/);
    },
    Options: () => seesOnNetwork('cat /sys/class/net/eth0/mtu', /^1400$/),
    Labels: () => shows('Labels', { a: 'b' }),
  };
  checkRows('network', checks);
  await run(checks);
});

interface ExecInspect {
  readonly ExitCode: number;
  readonly OpenStdin: boolean;
  readonly OpenStdout: boolean;
  readonly OpenStderr: boolean;
  readonly DetachKeys: string;
}

async function exec(
  body: Body,
  start: Body = {},
): Promise<{ readonly output: Answer; readonly view: ExecInspect }> {
  const { Id } = await requestJson<{ Id: string }>(daemon.socket, 'POST', '/containers/running/exec', body);
  const output = await post(`/exec/${Id}/start`, start);
  const view = await requestJson<ExecInspect>(daemon.socket, 'GET', `/exec/${Id}/json`);
  return { output, view };
}

async function says(body: Body, command: string, expected: RegExp, start: Body = {}): Promise<void> {
  const { output } = await exec({ AttachStdout: true, Cmd: ['sh', '-c', command], ...body }, start);
  assert.match(output.body, expected);
}

test('options of execs', async () => {
  const capabilities = "awk '/^CapEff/ {print $2}' /proc/self/status";
  const checks: Checks = {
    AttachStdin: async () =>
      assert.equal((await exec({ AttachStdin: true, Cmd: ['true'] })).view.OpenStdin, true),
    AttachStdout: () => says({ AttachStderr: true }, 'echo out', /out/),
    AttachStderr: async () => {
      await says({ AttachStdout: false, AttachStderr: true }, 'echo out; echo err >&2', /^[^o]*err\n$/);
    },
    ConsoleSize: () => says({ Tty: true, ConsoleSize: [41, 87] }, sized('41 87'), /sized/, { Tty: true }),
    DetachKeys: () =>
      refuses('/containers/running/exec', { Cmd: ['true'], DetachKeys: 'ctrl-nope' }, 400, /ctrl-nope/),
    Tty: () => says({ Tty: true }, 'test -t 1 && echo terminal', /^terminal\r\n$/, { Tty: true }),
    Env: () => says({ Env: ['OPTION=set'] }, 'echo $OPTION', /set/),
    Cmd: () => says({}, 'echo command', /command/),
    Privileged: () => says({ Privileged: true }, capabilities, /[0-9a-f]*[2-9a-f][0-9a-f]{7}\n/),
    User: () => says({ User: 'user' }, 'id -u', /1000/),
    WorkingDir: () => says({ WorkingDir: '/tmp' }, 'pwd', /\/tmp/),
  };
  checkRows('exec', checks);
  await run(checks);
  const starts: Checks = {
    Detach: async () => {
      const { output } = await exec({ AttachStdout: true, Cmd: ['sh', '-c', 'echo out'] }, { Detach: true });
      assert.equal(output.body, '');
    },
    Tty: checks['Tty'] ?? assert.fail,
    ConsoleSize: () => says({ Tty: true }, sized('43 89'), /sized/, { Tty: true, ConsoleSize: [43, 89] }),
  };
  checkRows('execStart', starts);
  await run(starts);
});

/** Ends when its terminal has the size. */
const sized = (size: string) => `until [ "$(stty size 2>/dev/null)" = '${size}' ]; do :; done; echo sized`;

const LIMIT = isUnified
  ? 'cd /sys/fs/cgroup; cat memory.max cpu.max cpuset.cpus'
  : 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes cpu/cpu.shares ' +
    'cpu/cpu.cfs_period_us cpu/cpu.cfs_quota_us cpuset/cpuset.cpus';
const LIMITS = isUnified
  ? ['67108864', '20000 50000', '0']
  : ['67108864', '100663296', '512', '50000', '20000', '0'];

const DOCKERFILE = `FROM bb AS first
ARG WORD=none
RUN echo word $WORD; ulimit -n; grep ^Seccomp: /proc/self/status; grep extra.test /etc/hosts; ls /sys/class/net; cat /proc/self/cgroup; grep /dev/shm /proc/mounts; ${LIMIT}
RUN echo a >/a
FROM first AS second
RUN echo second >/b
`;

const image = () => requestJson<Body>(daemon.socket, 'GET', '/images/built:one/json');
const containers = async () => (await daemon.containers()).length;

test('options of builds', async () => {
  const context = tarOf({ path: 'Other', content: DOCKERFILE, mode: 0o644 });
  const build = (query: string) =>
    request(daemon.socket, 'POST', `/build?dockerfile=Other&${query}`, context, {
      'Content-Type': 'application/x-tar',
    });
  const limits =
    'memory=67108864&memswap=100663296&cpushares=512&cpuperiod=50000&cpuquota=20000&cpusetcpus=0';
  const others =
    'shmsize=1048576&extrahosts=extra.test:192.0.2.1&networkmode=none&buildargs={"WORD":"given"}' +
    '&ulimits=[{"Name":"nofile","Soft":111,"Hard":222}]&cpusetmems=0&securityopt=seccomp=unconfined';
  const whole = await build(`t=built:one&target=first&labels={"a":"b"}&squash=1&${limits}&${others}`);
  const lines = whole.body.trim().split('\r\n');
  const said = lines.map((line): string => JSON.parse(line).stream ?? '').join('');
  const prints = (expected: RegExp) => async () => assert.match(said, expected);
  const printsLimit = (index: number) => prints(new RegExp(`\\b${LIMITS[index]}\\b`));
  const leavesNothing = async (query: string) => {
    const before = await containers();
    assert.match((await build(query)).body, /Successfully built/);
    assert.equal(await containers(), before);
  };
  const checks: Checks = {
    '?dockerfile': prints(/Successfully built/),
    '?t': prints(/Successfully tagged built:one/),
    '?extrahosts': prints(/192\.0\.2\.1\s+extra\.test/),
    '?remote': async () => assert.match((await build('remote=http://127.0.0.1:1/x')).body, /127\.0\.0\.1/),
    '?q': async () => assert.doesNotMatch((await build('q=1&target=first')).body, /Step/),
    '?nocache': async () => assert.doesNotMatch((await build('nocache=1&target=first')).body, /Using cache/),
    '?cachefrom': async () => assert.match((await build('cachefrom=nope')).body, /Cannot read cachefrom/),
    '?pull': async () => assert.match((await build('pull=1')).body, /registry/),
    // There are no intermediate containers to keep.
    '?rm': () => leavesNothing('rm=0&target=first'),
    '?forcerm': () => leavesNothing('forcerm=0&target=first'),
    '?memory': printsLimit(0),
    '?memswap': printsLimit(isUnified ? 0 : 1),
    '?cpushares': printsLimit(isUnified ? 1 : 2),
    '?cpuperiod': printsLimit(isUnified ? 1 : 3),
    '?cpuquota': printsLimit(isUnified ? 1 : 4),
    '?cpusetcpus': printsLimit(LIMITS.length - 1),
    '?buildargs': prints(/word given/),
    '?shmsize': prints(/size=1024k/),
    '?squash': async () => {
      assert.equal(Object((await image())['RootFS']).Layers.length, 2);
    },
    '?labels': async () => assert.deepEqual(Object((await image())['Config']).Labels, { a: 'b' }),
    '?networkmode': prints(/^lo$/m),
    '?platform': async () => assert.match((await build('platform=linux/s390x')).body, /registry/),
    '?target': async () => assert.doesNotMatch(said, /second/),
    '?outputs': async () => assert.match((await build('version=2&outputs=[{"Type":"nope"}]')).body, /nope/),
    '?ulimits': prints(/^111$/m),
    '?cpusetmems': printsLimit(LIMITS.length - 1),
    '?cgroupparent': async () => {
      const parent = await build('nocache=1&target=first&cgroupparent=/caisson-build-options');
      assert.match(parent.body, /\/caisson-build-options\//);
    },
    '?securityopt': prints(/^Seccomp:\s+0$/m),
    '?isolation': async () => assert.match((await build('isolation=hyperv')).body, /unsupported isolation/),
    '?version': async () => assert.match((await build('version=7')).body, /invalid version/),
  };
  checkRows('build', checks);
  await run(checks);
});
