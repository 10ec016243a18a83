import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allCapabilities, DEFAULT_CAPABILITIES, resolveCapabilities } from './capabilities.ts';

function resolve(add: string[], drop: string[], privileged = false): readonly string[] {
  return resolveCapabilities({ add, drop, privileged });
}

test('additions and drops change the default set, however they are written', () => {
  assert.deepEqual(resolve([], []), DEFAULT_CAPABILITIES);
  const changed = resolve(['sys_admin', 'CAP_SYS_ADMIN'], ['cap_chown', 'NET_RAW']);
  assert.deepEqual(
    changed,
    [...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN'].filter((name) => !/CHOWN|NET_RAW/.test(name)),
  );
});

test('ALL is everything but the drops, or nothing but the additions', () => {
  const all = allCapabilities();
  assert.deepEqual(
    resolve(['all'], ['NET_RAW']),
    all.filter((name) => name !== 'CAP_NET_RAW'),
  );
  assert.deepEqual(resolve(['NET_ADMIN'], ['ALL']), ['CAP_NET_ADMIN']);
  assert.deepEqual(resolve([], ['ALL']), []);
  assert.deepEqual(resolve([], ['ALL'], true), all);
});

const unknown = (subject: string, list: string) => ({
  code: 'invalid',
  reason: 'capability-unknown',
  subject,
  details: { list },
});

test('what does not exist is refused', () => {
  assert.throws(() => resolve(['foo'], []), unknown('CAP_FOO', 'add'));
  assert.throws(() => resolve([], ['bar']), unknown('CAP_BAR', 'drop'));
  assert.throws(() => resolve(['CAP_ALL'], []), unknown('CAP_ALL', 'add'));
});
