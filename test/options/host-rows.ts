/** The part of a create request that belongs to the host, without limits and mounts. */
import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { until } from '#base/testing.ts';
import { fetchPage, request, requestJson } from '../support/http.ts';
import { portsOf } from './config-rows.ts';
import {
  type OptionContainer,
  type OptionRow,
  type OptionRows,
  proved,
  refused,
  shown,
  told,
  warned,
} from './option-row.ts';

const LOG_CONFIG = {
  HostConfig: { LogConfig: { Type: 'json-file', Config: { labels: 'option', tag: '{{.Name}}' } } },
};
const NO_RESTART =
  /^The restart policy on-failure has no effect: this engine does not restart containers by itself yet\.$/;

/** The container has this namespace of the host. */
function hostsNamespace(field: string, mode: string, namespace: string): OptionRow {
  return proved('host', { HostConfig: { [field]: mode } }, async ({ pid }) => {
    assert.equal(readlinkSync(`/proc/${pid}/ns/${namespace}`), readlinkSync(`/proc/self/ns/${namespace}`));
  });
}

async function writesAttributes({ socket, id }: OptionContainer): Promise<void> {
  const { LogPath } = await requestJson<{ LogPath: string }>(socket, 'GET', `/containers/${id}/json`);
  const record: unknown = JSON.parse(readFileSync(LogPath, 'utf8').split('\n')[0] ?? '');
  assert.deepEqual(record, {
    log: 'printed\n',
    stream: 'stdout',
    attrs: { option: 'label', tag: 'options-main' },
    time: Object(record).time,
  });
}

function capabilities(text: string): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(text)?.[1]}`);
}

/** Numbers of <linux/capability.h>. */
const CHOWN = 0n;
const NET_ADMIN = 12n;

const hasCapability = (pid: number, number: bigint): boolean =>
  ((capabilities(readFileSync(`/proc/${pid}/status`, 'utf8')) >> number) & 1n) === 1n;

export const HOST_ROWS: OptionRows = {
  'HostConfig.ContainerIDFile': told(
    'main',
    { HostConfig: { ContainerIDFile: '/id' } },
    'HostConfig.ContainerIDFile',
    '/id',
  ),
  'HostConfig.LogConfig.Type': proved('main', LOG_CONFIG, writesAttributes),
  'HostConfig.LogConfig.Config': proved('main', {}, writesAttributes),
  'HostConfig.NetworkMode': shown(
    'volumes',
    { HostConfig: { NetworkMode: 'none' } },
    'ls /sys/class/net',
    /^lo$/,
  ),
  'HostConfig.PortBindings': proved(
    'main',
    { HostConfig: { PortBindings: { '7001/tcp': [{ HostIp: '127.0.0.1' }] } } },
    async (container) => {
      const [binding] = await portsOf(container, '7001/tcp');
      assert.equal(binding?.HostIp, '127.0.0.1');
      assert.match(await fetchPage(`127.0.0.1:${binding.HostPort}`), /built/);
    },
  ),
  'HostConfig.RestartPolicy.Name': warned(
    { HostConfig: { RestartPolicy: { Name: 'on-failure' } } },
    NO_RESTART,
  ),
  'HostConfig.RestartPolicy.MaximumRetryCount': warned(
    { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } } },
    NO_RESTART,
  ),
  'HostConfig.AutoRemove': proved('removed', { HostConfig: { AutoRemove: true } }, async ({ socket, id }) => {
    await request(socket, 'POST', `/containers/${id}/kill`);
    const isGone = async () => (await request(socket, 'GET', `/containers/${id}/json`)).status === 404;
    await until(isGone, 'the container is removed');
  }),
  'HostConfig.ConsoleSize': shown(
    'terminal',
    { HostConfig: { ConsoleSize: [33, 99] } },
    'stty -F /dev/console size',
    /^33 99$/,
  ),
  'HostConfig.Annotations': told(
    'main',
    { HostConfig: { Annotations: { 'org.example.option': 'noted' } } },
    'HostConfig.Annotations',
    { 'org.example.option': 'noted' },
  ),
  'HostConfig.CapAdd': proved('main', { HostConfig: { CapAdd: ['NET_ADMIN'] } }, async ({ pid }) => {
    assert.equal(hasCapability(pid, NET_ADMIN), true);
  }),
  'HostConfig.CapDrop': proved('main', { HostConfig: { CapDrop: ['CHOWN'] } }, async ({ pid }) => {
    assert.equal(hasCapability(pid, CHOWN), false);
  }),
  'HostConfig.CgroupnsMode': proved('main', { HostConfig: { CgroupnsMode: 'private' } }, async ({ pid }) => {
    assert.notEqual(readlinkSync(`/proc/${pid}/ns/cgroup`), readlinkSync('/proc/self/ns/cgroup'));
  }),
  'HostConfig.Dns': shown(
    'main',
    { HostConfig: { Dns: ['192.0.2.53'] } },
    'cat /etc/resolv.conf',
    /192\.0\.2\.53/,
  ),
  'HostConfig.DnsOptions': shown(
    'main',
    { HostConfig: { DnsOptions: ['timeout:7'] } },
    'cat /etc/resolv.conf',
    /^options .*timeout:7/m,
  ),
  'HostConfig.DnsSearch': shown(
    'main',
    { HostConfig: { DnsSearch: ['search.test'] } },
    'cat /etc/resolv.conf',
    /^search search\.test$/m,
  ),
  'HostConfig.ExtraHosts': shown(
    'main',
    { HostConfig: { ExtraHosts: ['extra.test:192.0.2.1'] } },
    'cat /etc/hosts',
    /^192\.0\.2\.1\s+extra\.test$/m,
  ),
  'HostConfig.GroupAdd': shown(
    'main',
    { HostConfig: { GroupAdd: ['2000'] } },
    'grep ^Groups /proc/1/status',
    /2000/,
  ),
  'HostConfig.IpcMode': hostsNamespace('IpcMode', 'host', 'ipc'),
  'HostConfig.Cgroup': warned(
    { HostConfig: { Cgroup: 'container:x' } },
    /^HostConfig\.Cgroup has no effect: this engine does not/,
  ),
  'HostConfig.Links': shown(
    'networked',
    { HostConfig: { Links: ['options-main:other'] } },
    'grep -c "other opthost options-main" /etc/hosts',
    /^1$/,
  ),
  'HostConfig.Links (missing)': refused(
    { HostConfig: { Links: ['nope:b'] } },
    /^could not get container for nope: No such container: nope$/,
  ),
  'HostConfig.OomScoreAdj': shown(
    'main',
    { HostConfig: { OomScoreAdj: 321 } },
    'cat /proc/1/oom_score_adj',
    /^321$/,
  ),
  'HostConfig.PidMode': hostsNamespace('PidMode', 'host', 'pid'),
  'HostConfig.Privileged': shown(
    'host',
    { HostConfig: { Privileged: true } },
    'grep ^Seccomp: /proc/self/status; ls /dev/kmsg',
    /\s0\n\/dev\/kmsg$/,
  ),
  'HostConfig.PublishAllPorts': proved(
    'main',
    { HostConfig: { PublishAllPorts: true } },
    async (container) => {
      assert.notDeepEqual(await portsOf(container, '7010/tcp'), []);
    },
  ),
  'HostConfig.ReadonlyRootfs': shown(
    'sealed',
    { HostConfig: { ReadonlyRootfs: true } },
    'touch /file 2>&1',
    /Read-only file system/,
  ),
  'HostConfig.SecurityOpt': shown(
    'main',
    { HostConfig: { SecurityOpt: ['no-new-privileges'] } },
    'grep ^NoNewPrivs /proc/1/status',
    /1$/,
  ),
  'HostConfig.StorageOpt': refused(
    { HostConfig: { StorageOpt: { size: '1G' } } },
    /^Cannot use storage option size: this engine cannot limit a container's root; leave out --storage-opt$/,
    501,
  ),
  'HostConfig.UTSMode': hostsNamespace('UTSMode', 'host', 'uts'),
  'HostConfig.UsernsMode': hostsNamespace('UsernsMode', 'host', 'user'),
  'HostConfig.ShmSize': shown(
    'main',
    { HostConfig: { ShmSize: 2 ** 20 } },
    'grep " /dev/shm " /proc/mounts',
    /size=1024k/,
  ),
  'HostConfig.Sysctls': shown(
    'main',
    { HostConfig: { Sysctls: { 'net.core.somaxconn': '1234' } } },
    'cat /proc/sys/net/core/somaxconn',
    /^1234$/,
  ),
  'HostConfig.Runtime': refused(
    { HostConfig: { Runtime: 'nope' } },
    /^unknown or invalid runtime name: nope$/,
  ),
  'HostConfig.Ulimits.Soft (few)': shown(
    'killed',
    { HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 20, Hard: 20 }] } },
    'ulimit -n',
    /^20$/,
  ),
  'HostConfig.Isolation': refused(
    { HostConfig: { Isolation: 'hyperv' } },
    /^Invalid isolation: "hyperv" - linux only supports 'default'$/,
  ),
  'HostConfig.MaskedPaths': shown(
    'main',
    { HostConfig: { MaskedPaths: ['/proc/uptime'] } },
    'wc -c </proc/uptime',
    /^0$/,
  ),
  'HostConfig.ReadonlyPaths': shown(
    'main',
    { HostConfig: { ReadonlyPaths: ['/proc/sys'] } },
    'echo 1 2>&1 >/proc/sys/net/ipv4/ip_forward',
    /Read-only file system/,
  ),
};
