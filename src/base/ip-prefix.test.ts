import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from './ip-address.ts';
import {
  containsAddress,
  firstAddress,
  formatInterfaceAddress,
  lastAddress,
  overlap,
  parseInterfaceAddress,
  parsePrefix,
  subnetOf,
} from './ip-prefix.ts';

test('an address of an interface and its subnet', () => {
  for (const [text, subnet, first, last] of [
    ['192.168.7.9/20', '192.168.0.0/20', '192.168.0.0', '192.168.15.255'],
    ['200.1.1.1/0', '0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
    ['200.1.1.1/32', '200.1.1.1/32', '200.1.1.1', '200.1.1.1'],
    ['fd00::7:1/64', 'fd00::/64', 'fd00::', 'fd00::ffff:ffff:ffff:ffff'],
    ['FD00:0::1/128', 'fd00::1/128', 'fd00::1', 'fd00::1'],
    ['::1/0', '::/0', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ] as const) {
    const found = parseInterfaceAddress(text);
    assert.equal(formatInterfaceAddress(found), text.toLowerCase().replace(':0::', '::'));
    assert.equal(subnetOf(found), subnet);
    assert.deepEqual([firstAddress(subnetOf(found)), lastAddress(subnetOf(found))], [first, last]);
  }
});

test('a subnet has no host bits', () => {
  assert.equal(parsePrefix('10.0.0.0/8'), '10.0.0.0/8');
  assert.equal(parsePrefix('fd00:0:0::/48'), 'fd00::/48');
  assert.throws(() => parsePrefix('10.0.0.1/8'), { code: 'invalid', message: /as in 10\.0\.0\.0\/8$/ });
});

test('what is not an address with a prefix is refused', () => {
  const wrong = [
    '',
    '10.0.0.1',
    '10.0.0/8',
    '10.0.0.1/33',
    '10.0.0.256/8',
    '10.0.0.1/8x',
    'fd00::/129',
    'x::/8',
  ];
  for (const text of wrong) assert.throws(() => parseInterfaceAddress(text), { code: 'invalid' }, text);
});

test('containment and overlap, each family by itself', () => {
  assert.ok(containsAddress(parsePrefix('172.17.0.0/16'), parseIp('172.17.255.255')));
  assert.ok(!containsAddress(parsePrefix('172.17.0.0/16'), parseIp('172.18.0.0')));
  assert.ok(containsAddress(parsePrefix('fd00::/8'), parseIp('fdff::1')));
  assert.ok(!containsAddress(parsePrefix('::/0'), parseIp('10.0.0.1')));
  assert.ok(overlap(parsePrefix('10.0.0.0/8'), parsePrefix('10.200.0.0/24')));
  assert.ok(overlap(parsePrefix('10.200.0.0/24'), parsePrefix('10.0.0.0/8')));
  assert.ok(!overlap(parsePrefix('10.0.0.0/24'), parsePrefix('10.0.1.0/24')));
  assert.ok(!overlap(parsePrefix('0.0.0.0/0'), parsePrefix('::/0')));
});
