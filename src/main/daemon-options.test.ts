import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonOptions } from './daemon-options.ts';
import { parseFlags } from './daemon-settings.ts';

const optionsOf = (...flags: readonly string[]) => daemonOptions(parseFlags(flags));

test('an address that makes whoever reaches it root is warned of', () => {
  const { warnings } = optionsOf('-H', 'unix:///a', '-H', 'tcp://0.0.0.0:2375');
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? '',
    /^API is accessible on http:\/\/0\.0\.0\.0:2375 without encryption: .* root access/,
  );
  assert.deepEqual(optionsOf('-H', 'unix:///a').warnings, []);
});

const groupsOf = (...flags: readonly string[]) =>
  optionsOf(...flags).hosts.map((host) => host.kind === 'unix' && host.group);

test('the socket is for the group docker, else caisson, unless another is named', () => {
  assert.deepEqual(groupsOf(), [['docker', 'caisson']]);
  assert.deepEqual(groupsOf('-H', 'unix:///a', '--group', 'wheel'), ['wheel']);
});

const targets = (...hosts: readonly string[]) => optionsOf(...hosts.flatMap((host) => ['-H', host])).hosts;

test('addresses are written as for dockerd', () => {
  assert.deepEqual(
    targets('0.0.0.0:2375', 'tcp://127.0.0.1', ':2376', 'tcp://', 'tcp://[::1]:2377', 'fd://'),
    [
      { kind: 'tcp', host: '0.0.0.0', port: 2375 },
      { kind: 'tcp', host: '127.0.0.1', port: 2375 },
      { kind: 'tcp', host: 'localhost', port: 2376 },
      { kind: 'tcp', host: 'localhost', port: 2375 },
      { kind: 'tcp', host: '::1', port: 2377 },
      { kind: 'fd', fd: 3 },
    ],
  );
  for (const host of ['npipe:////x', 'unix://relative'])
    assert.throws(() => targets(host), /Cannot listen on/);
});

test('numbers and pools reach the engine', () => {
  const flags =
    '--max-concurrent-downloads 2 --max-concurrent-uploads 4 ' +
    '--default-address-pool base=10.0.0.0/16,size=24 --default-address-pool base=10.1.0.0/16,size=20';
  const { engine } = optionsOf(...flags.split(' '));
  assert.equal(engine.maxConcurrentDownloads, 2);
  assert.equal(engine.maxConcurrentUploads, 4);
  assert.deepEqual(engine.addressPools, [
    { base: '10.0.0.0/16', size: 24 },
    { base: '10.1.0.0/16', size: 20 },
  ]);
  for (const pool of ['base=10.0.0.0/16,size=8', 'base=10.0.0.0/16', 'base=x,size=24'])
    assert.throws(() => optionsOf('--default-address-pool', pool));
});

test('what this engine does not have is warned about with its reason, or refused', () => {
  const { warnings } = optionsOf(
    '--storage-driver',
    'overlay2',
    '--ip6tables=false',
    '--live-restore',
    '--raw-logs',
  );
  assert.deepEqual(warnings, [
    '--ip6tables has no effect: --iptables manages the firewall for both families',
    '--storage-driver has no effect: layers are kept as --layer-mode says',
  ]);
  assert.throws(
    () => optionsOf('--authorization-plugin', 'p'),
    /Cannot use --authorization-plugin: requests that/,
  );
  assert.throws(() => optionsOf('--userns-remap', 'default'), /Cannot use --userns-remap: /);
  assert.deepEqual(
    optionsOf('--userns-remap', '', '--ipv6=false', '--exec-opt', 'native.cgroupdriver=cgroupfs').warnings,
    [],
  );
});
