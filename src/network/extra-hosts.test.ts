import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExtraHosts } from './extra-hosts.ts';

test('names with IPv4, IPv6 and the gateway', () => {
  assert.deepEqual(parseExtraHosts(['a:1.2.3.4', 'b:::1', 'h:host-gateway'], '172.17.0.1'), [
    { address: '1.2.3.4', names: ['a'] },
    { address: '::1', names: ['b'] },
    { address: '172.17.0.1', names: ['h'] },
  ]);
});

const refusal = (value: string) => () => parseExtraHosts([value], '172.17.0.1');

test('what is malformed, and what is no address', () => {
  for (const value of ['foo', ':1.2.3.4']) {
    assert.throws(refusal(value), { code: 'invalid', reason: 'extra-host-malformed', subject: value });
  }
  assert.throws(refusal('foo:1.2.3'), { reason: 'extra-host-address', subject: '1.2.3' });
  assert.throws(refusal('foo:[::1]'), { reason: 'extra-host-address', subject: '[::1]' });
});
