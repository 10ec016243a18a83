/** The part of a create request that travels to any host. */
import assert from 'node:assert/strict';
import { request, requestJson } from '../support/http.ts';
import {
  type Body,
  type OptionContainer,
  type OptionRows,
  proved,
  shown,
  told,
  warned,
} from './option-row.ts';

const PROGRAM = 'echo printed; httpd -f -p 7001 -h /seed & wait';

const checksHealth = (field: Body) =>
  warned(
    { Healthcheck: { Test: ['CMD', 'true'], ...field } },
    /^The health check has no effect: this engine does/,
  );

export const CONFIG_ROWS: OptionRows = {
  '?name': told('main', {}, 'Name', '/options-main'),
  '?platform': proved('main', {}, async ({ socket }) => {
    const create = '/containers/create?platform=linux/s390x';
    const { status, body } = await request(socket, 'POST', create, { Image: 'options' });
    assert.equal(status, 404, body);
  }),
  Hostname: shown('main', { Hostname: 'opthost' }, 'hostname', /^opthost$/),
  Domainname: shown(
    'main',
    { Domainname: 'example.test' },
    'cat /proc/sys/kernel/domainname',
    /^example\.test$/,
  ),
  User: shown('alone', { User: 'user' }, "awk '/^Uid/ {print $2}' /proc/1/status", /^1000$/),
  AttachStdin: told('terminal', { AttachStdin: true }, 'Config.AttachStdin', true),
  AttachStdout: told('terminal', { AttachStdout: true }, 'Config.AttachStdout', true),
  AttachStderr: told('terminal', { AttachStderr: true }, 'Config.AttachStderr', true),
  ExposedPorts: proved(
    'main',
    { ExposedPorts: { '7002/udp': {}, '7010-7011/tcp': {} } },
    async (container) => {
      assert.deepEqual((await portsOf(container, '7011/tcp')).length > 0, true);
      assert.deepEqual((await portsOf(container, '7002/udp')).length > 0, true);
    },
  ),
  Tty: shown('terminal', { Tty: true }, 'readlink /proc/1/fd/0', /^\/dev\/(pts\/0|console)$/),
  OpenStdin: told('terminal', { OpenStdin: true }, 'Config.OpenStdin', true),
  StdinOnce: told('terminal', { StdinOnce: true }, 'Config.StdinOnce', true),
  Env: shown(
    'main',
    { Env: ['OPTION=set'] },
    "tr '\\0' '\\n' </proc/1/environ | grep OPTION",
    /^OPTION=set$/,
  ),
  Cmd: shown('main', { Cmd: [PROGRAM] }, "tr '\\0' ' ' </proc/1/cmdline", /echo printed; httpd/),
  Entrypoint: shown(
    'main',
    { Entrypoint: ['/bin/busybox', 'sh', '-c'] },
    "tr '\\0' ' ' </proc/1/cmdline",
    /^\/bin\/busybox sh -c /,
  ),
  'Healthcheck.Test': checksHealth({}),
  'Healthcheck.Interval': checksHealth({ Interval: 1e9 }),
  'Healthcheck.Timeout': checksHealth({ Timeout: 1e9 }),
  'Healthcheck.Retries': checksHealth({ Retries: 3 }),
  'Healthcheck.StartPeriod': checksHealth({ StartPeriod: 1e9 }),
  'Healthcheck.StartInterval': checksHealth({ StartInterval: 1e9 }),
  ArgsEscaped: told('alone', { ArgsEscaped: true }, 'Config.ArgsEscaped', true),
  Image: shown('main', {}, 'cat /seed/index.html', /^built$/),
  Volumes: shown('volumes', { Volumes: { '/anonymous': {} } }, 'grep -c " /anonymous " /proc/mounts', /^1$/),
  WorkingDir: shown('main', { WorkingDir: '/tmp' }, 'readlink /proc/1/cwd', /^\/tmp$/),
  NetworkDisabled: shown('alone', { NetworkDisabled: true }, 'ls /sys/class/net', /^lo$/),
  MacAddress: shown(
    'main',
    { MacAddress: '02:42:ac:11:99:99' },
    'cat /sys/class/net/eth0/address',
    /^02:42:ac:11:99:99$/,
  ),
  OnBuild: told('alone', { OnBuild: ['RUN true'] }, 'Config.OnBuild', ['RUN true']),
  Labels: proved('main', { Labels: { option: 'label' } }, async ({ socket, id }) => {
    const filters = encodeURIComponent('{"label":["option=label"]}');
    const rows = await requestJson<{ Id: string }[]>(socket, 'GET', `/containers/json?filters=${filters}`);
    assert.deepEqual(
      rows.map((row) => row.Id),
      [id],
    );
  }),
  StopSignal: proved(
    'signalled',
    { Cmd: ['sh', '-c', 'trap "echo told; exit" USR1; while :; do sleep 0.1; done'], StopSignal: 'SIGUSR1' },
    async ({ socket, id }) => {
      assert.equal((await request(socket, 'POST', `/containers/${id}/stop`)).status, 204);
      assert.match((await request(socket, 'GET', `/containers/${id}/logs?stdout=1`)).body, /told/);
    },
  ),
  StopTimeout: proved('killed', { StopTimeout: 0 }, async ({ socket, id }) => {
    assert.equal((await request(socket, 'POST', `/containers/${id}/stop`)).status, 204);
    const { State } = await inspect(socket, id);
    assert.equal(State.ExitCode, 137);
  }),
  Shell: told('alone', { Shell: ['/bin/sh', '-e', '-c'] }, 'Config.Shell', ['/bin/sh', '-e', '-c']),
};

interface Inspected {
  readonly State: { readonly ExitCode: number };
  readonly NetworkSettings: { readonly Ports: Readonly<Record<string, readonly Binding[] | null>> };
}

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

const inspect = (socket: string, id: string) =>
  requestJson<Inspected>(socket, 'GET', `/containers/${id}/json`);

export async function portsOf({ socket, id }: OptionContainer, port: string): Promise<readonly Binding[]> {
  return (await inspect(socket, id)).NetworkSettings.Ports[port] ?? [];
}
