/** Where networks get their addresses, as the administrator has it: flags and configuration of the daemon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';

const RANGES = [
  '--network-pool=1',
  '--bip=10.141.0.1/16',
  '--fixed-cidr=10.141.8.0/24',
  '--mtu=1400',
  '--ipv6',
  '--fixed-cidr-v6=fd00:141::/64',
  '--default-address-pool=base=10.142.0.0/23,size=24',
];

test('the default bridge and the pools of other networks are where they are told to be', async () => {
  await using engine = await TestDaemon.start(...RANGES);
  await importBusybox(engine);
  const seen = await dockerOk(engine, [
    'run',
    '--rm',
    'bb',
    'sh',
    '-c',
    'ip -o addr show eth0; ip route; ip -6 route',
  ]);
  assert.match(seen, /inet 10\.141\.8\.\d+\/16/);
  assert.match(seen, /inet6 fd00:141::2\/64/);
  assert.match(seen, /default via 10\.141\.0\.1 /);
  assert.match(seen, /default via fd00:141::1 /);
  assert.equal(await dockerOk(engine, ['run', '--rm', 'bb', 'cat', '/sys/class/net/eth0/mtu']), '1400');
  const subnetOf = (name: string) =>
    dockerOk(engine, ['network', 'inspect', '-f', '{{range .IPAM.Config}}{{.Subnet}} {{end}}', name]);
  assert.equal(await subnetOf('bridge'), '10.141.0.0/16 fd00:141::/64 ');
  for (const name of ['one', 'two']) await dockerOk(engine, ['network', 'create', name]);
  assert.deepEqual([await subnetOf('one'), await subnetOf('two')], ['10.142.0.0/24 ', '10.142.1.0/24 ']);
  const full = await docker(engine, ['network', 'create', 'three']);
  assert.match(full.stderr, /all predefined address pools have been fully subnetted/);
  await dockerOk(engine, ['network', 'rm', 'one', 'two']);
  await dockerOk(engine, ['network', 'create', '--ipv6', 'six']);
  assert.match(await subnetOf('six'), /^10\.142\.0\.0\/24 fd[0-9a-f]{2}:.*::\/64 $/);
  await dockerOk(engine, ['network', 'rm', 'six']);
});

test('ranges that cannot be are refused before anything starts', async () => {
  for (const [flags, reason] of [
    [['--default-address-pool', 'base=10.142.0.0/23,size=20'], /10\.142\.0\.0\/23 has no subnets of size 20/],
    [['--default-address-pool', 'base=10.142.0.0/23'], /Cannot use --default-address-pool/],
    [['--default-address-pool', 'base=nonsense,size=24'], /nonsense/],
    [['--fixed-cidr', '10.9.0.0/16', '--bip', '10.141.0.1/16'], /10\.9\.0\.0\/16/],
  ] as const) {
    await assert.rejects(TestDaemon.start(...flags), reason);
  }
});
