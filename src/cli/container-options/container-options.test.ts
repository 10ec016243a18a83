import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { parseFlags } from '../parse-flags.ts';
import { UsageError } from '../usage-error.ts';
import { containerFlags } from './container-flags.ts';
import { createBody } from './run-config.ts';

/** The body that a line of `create` sends, as JSON. */
function bodyOf(words: readonly string[], environment: Record<string, string> = {}) {
  const line = parseFlags(containerFlags, [...words, 'image'], { interspersed: false });
  const { values: flags, given } = line;
  const body = createBody(
    { flags, given, image: 'image', command: [] },
    { environment, consoleSize: undefined, detach: false, proxyVariables: () => [] },
  );
  return JSON.parse(JSON.stringify(body));
}

test('a plain line asks for the defaults', () => {
  const body = bodyOf([]);
  assert.deepEqual(
    [body.Image, body.Cmd, body.AttachStdout, body.AttachStdin, body.Entrypoint],
    ['image', null, true, false, null],
  );
  assert.deepEqual(Object.keys(body.NetworkingConfig.EndpointsConfig), ['default']);
  assert.deepEqual(body.HostConfig.RestartPolicy, { Name: 'no', MaximumRetryCount: 0 });
  assert.equal(body.HostConfig.Init, undefined);
});

test('published ports: addresses, ranges, protocols', () => {
  const { HostConfig, ExposedPorts } = bodyOf([
    '-p8080:80',
    '-p',
    '127.0.0.1::53/udp',
    '-p',
    '[::1]:5:6',
    '-p',
    '90-91:190-191',
    '-p',
    '8000-8010:77',
    '--expose',
    '99',
  ]);
  assert.deepEqual(HostConfig.PortBindings, {
    '80/tcp': [{ HostIp: '', HostPort: '8080' }],
    '53/udp': [{ HostIp: '127.0.0.1', HostPort: '' }],
    '6/tcp': [{ HostIp: '::1', HostPort: '5' }],
    '190/tcp': [{ HostIp: '', HostPort: '90' }],
    '191/tcp': [{ HostIp: '', HostPort: '91' }],
    '77/tcp': [{ HostIp: '', HostPort: '8000-8010' }],
  });
  assert.ok('99/tcp' in ExposedPorts);
});

test('volumes: absolute, relative, named, anonymous', () => {
  const body = bodyOf(['-v', '/a:/b:ro', '-v', './x:/y', '-v', 'name:/z', '-v', '/anonymous']);
  assert.deepEqual(body.HostConfig.Binds, ['/a:/b:ro', `${resolve('x')}:/y`, 'name:/z']);
  assert.deepEqual(body.Volumes, { '/anonymous': {} });
});

test('mounts: every kind, quoted commas', () => {
  const { Mounts } = bodyOf([
    '--mount',
    'type=bind,src=/a,dst=/b,ro,bind-propagation=rslave',
    '--mount',
    'source=v,target=/t,volume-nocopy,volume-opt=a=b',
    '--mount',
    'type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1777',
    '--mount',
    'type=bind,src=/a,"dst=/b,c"',
  ]).HostConfig;
  assert.deepEqual(Mounts, [
    { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: { Propagation: 'rslave' } },
    {
      Type: 'volume',
      Source: 'v',
      Target: '/t',
      VolumeOptions: { NoCopy: true, DriverConfig: { Options: { a: 'b' } } },
    },
    { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 64 * 1024 ** 2, Mode: 0o1777 } },
    { Type: 'bind', Source: '/a', Target: '/b,c' },
  ]);
});

test('environment: files first, names alone from here', () => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-env-'));
  try {
    const file = join(directory, 'env');
    writeFileSync(file, '# comment\nA=1\n HERE\nGONE\nB=x y\n');
    const { Env } = bodyOf(['--env-file', file, '-e', 'C=3', '-e', 'HERE', '-e', 'GONE'], { HERE: 'yes' });
    assert.deepEqual(Env, ['A=1', 'HERE=yes', 'B=x y', 'C=3', 'HERE=yes', 'GONE']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('limits and units', () => {
  const { HostConfig } = bodyOf([
    '-m',
    '64m',
    '--memory-swap',
    '-1',
    '--cpus',
    '1.5',
    '--ulimit',
    'nofile=10:20',
  ]);
  assert.deepEqual(
    [HostConfig.Memory, HostConfig.MemorySwap, HostConfig.NanoCpus, HostConfig.Ulimits],
    [64 * 1024 ** 2, -1, 1.5e9, [{ Name: 'nofile', Hard: 20, Soft: 10 }]],
  );
});

test('networks: the first decides the mode, all are joined', () => {
  const body = bodyOf(['--network', 'name=one,alias=q', '--network', 'two', '--ip', '1.2.3.4']);
  const { one, two } = body.NetworkingConfig.EndpointsConfig;
  assert.equal(body.HostConfig.NetworkMode, 'one');
  assert.deepEqual([one.Aliases, one.IPAMConfig, two.IPAMConfig], [['q'], { IPv4Address: '1.2.3.4' }, null]);
  assert.deepEqual(bodyOf(['--network', 'host']).NetworkingConfig.EndpointsConfig, {});
});

test('an empty entrypoint takes the image’s away', () => {
  assert.deepEqual(bodyOf(['--entrypoint', '']).Entrypoint, ['']);
  assert.deepEqual(bodyOf(['--entrypoint', 'sh']).Entrypoint, ['sh']);
});

const refused: readonly (readonly [message: RegExp, ...words: string[]])[] = [
  [/Invalid containerPort: b/, '-p', 'a:b'],
  [/Conflicting options: --restart and --rm/, '--rm', '--restart', 'always'],
  [/invalid size: '1x'/, '-m', '1x'],
  [/must be a key=value pair/, '--mount', 'foo'],
  [/target is required/, '--mount', 'type=bind,src=/a'],
  [/invalid ulimit argument/, '--ulimit', 'foo'],
  [/--pid: invalid PID mode/, '--pid', 'mine'],
  [/failed to parse 1.x as a rational number/, '--cpus', '1.x'],
  [/invalid environment variable/, '-e', ''],
  [/--no-healthcheck conflicts/, '--no-healthcheck', '--health-cmd', 'x'],
  [/maximum retry count must be an integer/, '--restart', 'on-failure:x'],
  [/cannot attach both user-defined/, '--network', 'host', '--network', 'n'],
];

for (const [message, ...words] of refused) {
  test(`${words.join(' ')} is refused`, () => {
    assert.throws(
      () => bodyOf(words),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}
