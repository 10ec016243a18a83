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
