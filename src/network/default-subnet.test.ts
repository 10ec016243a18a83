import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSubnet, DEFAULT_POOLS } from './default-subnet.ts';
import { formatIpv4, formatSubnet, parseInterfaceAddress } from './ipv4.ts';

const used = (...texts: string[]) => texts.map((text) => parseInterfaceAddress(text).subnet);

test('the default is 172.17.0.1/16', () => {
  const chosen = chooseSubnet([]);
  assert.equal(formatIpv4(chosen.address), '172.17.0.1');
  assert.equal(formatSubnet(chosen.subnet), '172.17.0.0/16');
});

test('a pool of which anything is in use is passed over', () => {
  const chosen = chooseSubnet(used('172.17.200.0/24', '172.18.0.9/32', '172.16.0.0/12').slice(0, 2));
  assert.equal(formatSubnet(chosen.subnet), '172.19.0.0/16');
  assert.equal(formatSubnet(chooseSubnet(used('172.16.0.0/12')).subnet), '192.168.0.0/20');
  assert.equal(formatSubnet(chooseSubnet(used('172.16.0.0/12', '192.168.1.0/24')).subnet), '192.168.16.0/20');
});

test('none left is an error', () => {
  assert.throws(() => chooseSubnet(DEFAULT_POOLS.map((pool) => pool.subnet)), { code: 'exhausted' });
});
