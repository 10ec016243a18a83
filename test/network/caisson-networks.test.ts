/** `caisson network`: what is said of subnets is of the one that it lies in. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { fromSource } from '../support/own-cli.ts';

let engine: TestDaemon;

before(async () => {
  engine = await TestDaemon.start('--network-pool', '1');
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

function caisson(...words: readonly string[]): Promise<Outcome> {
  const [program = '', ...own] = fromSource;
  return runProgram(program, [...own, '-H', engine.host, ...words]);
}

async function caissonOk(...words: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await caisson(...words);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

const create = (...flags: readonly string[]) => caisson('network', 'create', ...flags, 'x');

test('gateways, ranges and reserved addresses find their subnets', async () => {
  const subnets = ['--subnet', '10.71.0.0/24', '--subnet', 'fd00:71::/64'];
  const gateways = ['--gateway', 'fd00:71::9', '--gateway', '10.71.0.9'];
  const others = ['--ip-range', '10.71.0.64/26', '--aux-address', 'router=fd00:71::5'];
  await caissonOk('network', 'create', '--ipv6', ...subnets, ...gateways, ...others, 'both');
  const shown = await caissonOk('network', 'inspect', 'both', '--format', '{{json .IPAM.Config}}');
  assert.deepEqual(JSON.parse(shown), [
    { Subnet: '10.71.0.0/24', IPRange: '10.71.0.64/26', Gateway: '10.71.0.9' },
    { Subnet: 'fd00:71::/64', Gateway: 'fd00:71::9', AuxiliaryAddresses: { router: 'fd00:71::5' } },
  ]);
  const addresses = [
    'run',
    '--rm',
    '--network',
    'both',
    'bb',
    'ip',
    '-o',
    'addr',
    'show',
    'eth0',
    'scope',
    'global',
  ];
  assert.match(await caissonOk(...addresses), /10\.71\.0\.64\/24 .*fd00:71::1\/64/s);
  await caissonOk('network', 'rm', 'both');
});

test('a link that the host has already is left alone', async () => {
  const link = `${engine.bridge}x`;
  execFileSync('ip', ['link', 'add', link, 'type', 'bridge']);
  try {
    execFileSync('ip', ['address', 'add', '10.73.0.1/24', 'dev', link]);
    const option = `com.docker.network.bridge.name=${link}`;
    const { exitCode, stderr } = await create('-o', option, '--subnet', '10.74.0.0/24');
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /the host has a link of that name already/);
    assert.match(
      execFileSync('ip', ['-o', 'address', 'show', link], { encoding: 'utf8' }),
      /10\.73\.0\.1\/24/,
    );
    assert.doesNotMatch(await caissonOk('network', 'ls'), / x /);
  } finally {
    execFileSync('ip', ['link', 'delete', link]);
  }
});

test('addresses that a network does not have are refused, and what is not there yet, too', async () => {
  await caissonOk('network', 'create', '--subnet', '10.71.0.0/24', 'four');
  for (const [choice, reason] of [
    ['ip6=fd00:71::7', /no configured subnet contains IP address fd00:71::7/],
    ['ip=10.72.0.7', /no configured subnet contains IP address 10\.72\.0\.7/],
    ['ip=nonsense', /invalid IPv4 address/],
    ['mac-address=zz', /invalid MAC address zz/],
    ['link-local-ip=169.254.1.1', /no link-local addresses/],
  ] as const) {
    const { exitCode, stderr } = await caisson(
      'run',
      '--rm',
      '--network',
      `name=four,${choice}`,
      'bb',
      'true',
    );
    assert.equal(exitCode, 125, choice);
    assert.match(stderr, reason);
  }
  await caissonOk('network', 'rm', 'four');
});

test('what fits no subnet is refused, naming the flag', async () => {
  const outside = await create('--subnet', '10.71.0.0/24', '--gateway', '10.72.0.1');
  assert.equal(outside.exitCode, 125);
  assert.match(outside.stderr, /--gateway 10\.72\.0\.1 lies in none of the subnets/);
  const malformed = await create('--subnet', '10.71.0.0/33');
  assert.match(malformed.stderr, /invalid argument "10\.71\.0\.0\/33" for --subnet/);
});
