/** What each option of dockerd comes to in this engine; `daemon-options.test.ts` starts the daemons that show it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { dockerOk } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import type { OptionDaemon } from './option-daemon.ts';

export type DaemonCheck = (daemon: OptionDaemon) => Promise<void> | void;

/** A further test of the project shows it; the file names what it looks at. */
interface Elsewhere {
  readonly file: string;
  readonly mentions: string;
}

const info = (daemon: OptionDaemon) =>
  requestJson<Readonly<Record<string, unknown>>>(daemon.socket, 'GET', '/info');

/** What `docker inspect -f` prints of the container `probe`. */
const inspects = (format: string, expected: RegExp) => async (daemon: OptionDaemon) =>
  assert.match(await dockerOk(daemon, ['inspect', '-f', format, 'probe']), expected);

/** What a command in the container `probe` prints. */
const prints = (command: string, expected: RegExp) => async (daemon: OptionDaemon) =>
  assert.match(await dockerOk(daemon, ['exec', 'probe', 'sh', '-c', command]), expected);

async function pidOf(daemon: OptionDaemon): Promise<string> {
  return await dockerOk(daemon, ['inspect', '-f', '{{.State.Pid}}', 'probe']);
}

/** Those of a daemon with an own address on its default bridge, and choices for whatever containers leave open. */
export const WORKING_FLAGS: Readonly<Record<string, DaemonCheck>> = {
  bip: async (daemon) => {
    const gateway = ['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'bridge'];
    assert.equal(await dockerOk(daemon, gateway), '10.231.9.1');
  },
  'fixed-cidr': inspects('{{.NetworkSettings.IPAddress}}', /^10\.231\.9\.(6[5-9]|[7-9]\d|1[01]\d|12[0-7])$/),
  bridge: ({ bridge }) => assert.ok(existsSync(`/sys/class/net/${bridge}`)),
  'cgroup-parent': async (daemon) =>
    assert.match(readFileSync(`/proc/${await pidOf(daemon)}/cgroup`, 'utf8'), /\/caisson-daemon-options\//),
  'config-file': inspects('{{.HostConfig.LogConfig.Type}}', /^json-file$/),
  'data-root': ({ root }) => assert.ok(existsSync(`${root}/metadata.db`)),
  'exec-root': ({ run }) => assert.ok(existsSync(`${run}/containers`)),
  'default-address-pool': async (daemon) => {
    const subnet = ['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'second'];
    assert.equal(await dockerOk(daemon, subnet), '10.231.17.0/24');
  },
  'default-cgroupns-mode': async (daemon) =>
    assert.notEqual(
      readlinkSync(`/proc/${await pidOf(daemon)}/ns/cgroup`),
      readlinkSync('/proc/self/ns/cgroup'),
    ),
  'default-ipc-mode': async (daemon) => {
    await inspects('{{.HostConfig.IpcMode}}', /^shareable$/)(daemon);
    await dockerOk(daemon, ['run', '--rm', '--ipc', 'container:probe', 'bb', 'touch', '/dev/shm/shared']);
    await prints('ls /dev/shm', /^shared$/)(daemon);
  },
  'default-network-opt': async (daemon) => {
    const mtu = ['run', '--rm', '--network', 'first', 'bb', 'cat', '/sys/class/net/eth0/mtu'];
    assert.equal(await dockerOk(daemon, mtu), '1234');
  },
  'default-runtime': inspects('{{.HostConfig.Runtime}}', /^runc$/),
  'default-shm-size': prints('grep " /dev/shm " /proc/mounts', /size=2048k/),
  'default-ulimit': prints("awk '/open files/ {print $4, $5}' /proc/1/limits", /^123 456$/),
  dns: prints('cat /etc/resolv.conf', /192\.0\.2\.53/),
  'dns-opt': prints('cat /etc/resolv.conf', /^options .*timeout:7/m),
  'dns-search': prints('cat /etc/resolv.conf', /^search search\.test$/m),
  experimental: async (daemon) => {
    const { Experimental } = await requestJson<{ Experimental: boolean }>(daemon.socket, 'GET', '/version');
    assert.equal(Experimental, true);
  },
  group: ({ socket }) => assert.equal(statSync(socket).gid, 12_345),
  host: async ({ port }) => assert.equal(await (await fetch(`http://127.0.0.1:${port}/_ping`)).text(), 'OK'),
  'host-gateway-ip': prints('cat /etc/hosts', /^192\.0\.2\.77\s+gateway\.test$/m),
  icc: async (daemon) => {
    const neighbour = await dockerOk(daemon, [
      'inspect',
      '-f',
      '{{.NetworkSettings.IPAddress}}',
      'neighbour',
    ]);
    await prints(`ping -c1 -w1 ${neighbour}; true`, /0 packets received/)(daemon);
  },
  init: prints("tr '\\0' ' ' </proc/1/cmdline", /^\/sbin\/docker-init -- sleep/),
  'init-path': async (daemon) => assert.equal((await info(daemon))['InitBinary'], '/usr/bin/tini-static'),
  'insecure-registry': async (daemon) => {
    assert.match(JSON.stringify((await info(daemon))['RegistryConfig']), /insecure\.test:5000/);
  },
  'registry-mirror': async (daemon) => {
    assert.match(JSON.stringify((await info(daemon))['RegistryConfig']), /https:\/\/mirror\.test/);
  },
  ip: inspects('{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostIp}}', /^127\.0\.0\.1$/),
  'ip-masq': async (daemon) => {
    const option = '{{index .Options "com.docker.network.bridge.enable_ip_masquerade"}}';
    assert.equal(await dockerOk(daemon, ['network', 'inspect', '-f', option, 'bridge']), 'false');
  },
  label: async (daemon) => assert.deepEqual((await info(daemon))['Labels'], ['option=label']),
  'log-driver': inspects('{{.HostConfig.LogConfig.Type}}', /^json-file$/),
  'log-opt': inspects('{{index .HostConfig.LogConfig.Config "max-size"}}', /^7m$/),
  'log-format': (daemon) => {
    for (const line of daemon.log().trim().split('\n')) assert.equal(typeof JSON.parse(line).level, 'string');
  },
  'log-level': (daemon) => assert.doesNotMatch(daemon.log(), /"level":"debug"/),
  mtu: prints('cat /sys/class/net/eth0/mtu', /^1300$/),
  'no-new-privileges': prints('grep ^NoNewPrivs /proc/1/status', /1$/),
  pidfile: (daemon) => assert.equal(readFileSync(daemon.pidfile, 'utf8'), `${daemon.pid}\n`),
  'seccomp-profile': prints('grep ^Seccomp: /proc/1/status', /0$/),
  'userland-proxy': inspects('{{len (index .NetworkSettings.Ports "80/tcp")}}', /^1$/),
};

/** Those of a daemon without bridge, firewall and forwarding, in a network namespace of its own. */
export const BARE_FLAGS: Readonly<Record<string, DaemonCheck>> = {
  bridge: async (daemon) => {
    await prints('ls /sys/class/net', /^lo$/)(daemon);
    assert.equal((await request(daemon.socket, 'GET', '/networks/bridge')).status, 404);
    await inspects('{{.HostConfig.NetworkMode}}', /^none$/)(daemon);
    assert.doesNotMatch(daemon.inside('ip', '-br', 'link'), /^cst/m);
  },
  'ip-forward': (daemon) => assert.equal(daemon.inside('cat', '/proc/sys/net/ipv4/ip_forward'), '0\n'),
  iptables: (daemon) => assert.equal(daemon.inside('nft', 'list', 'tables'), ''),
  'log-opt': inspects(
    '{{json .HostConfig.LogConfig.Config}} {{.LogPath}}',
    /^\{"labels":"a"\} .*-json\.log$/,
  ),
  'seccomp-profile': prints('grep ^Seccomp: /proc/1/status', /2$/),
};

const TLS = { file: 'test/clients/buildx-tls.test.ts', mentions: '--tlsverify' };

export const SHOWN_ELSEWHERE: Readonly<Record<string, Elsewhere>> = {
  debug: { file: 'src/base/log.test.ts', mentions: 'debug' },
  'fixed-cidr-v6': { file: 'test/network/default-ranges.test.ts', mentions: 'fixed-cidr-v6' },
  ipv6: { file: 'test/network/default-ranges.test.ts', mentions: '--ipv6' },
  help: { file: 'src/main/daemon-settings.test.ts', mentions: 'helpText' },
  'max-concurrent-downloads': {
    file: 'src/main/daemon-options.test.ts',
    mentions: 'max-concurrent-downloads',
  },
  'max-concurrent-uploads': { file: 'src/main/daemon-options.test.ts', mentions: 'max-concurrent-uploads' },
  tls: TLS,
  tlscacert: TLS,
  tlscert: TLS,
  tlskey: TLS,
  tlsverify: TLS,
  validate: { file: 'test/options/daemon-options.test.ts', mentions: '--validate' },
  version: { file: 'test/options/daemon-options.test.ts', mentions: '--version' },
};
