import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatInterfaceAddress, parseInterfaceAddress, subnetOf } from '#base/ip-prefix.ts';
import { chooseSubnet, DEFAULT_POOLS } from './default-subnet.ts';

const used = (...texts: string[]) => texts.map((text) => subnetOf(parseInterfaceAddress(text)));

test('the default is 172.17.0.1/16', () => {
  assert.equal(formatInterfaceAddress(chooseSubnet([])), '172.17.0.1/16');
});

test('a pool of which anything is in use is passed over', () => {
  assert.equal(subnetOf(chooseSubnet(used('172.17.200.0/24', '172.18.0.9/32'))), '172.19.0.0/16');
  assert.equal(subnetOf(chooseSubnet(used('172.16.0.0/12'))), '192.168.0.0/20');
  assert.equal(subnetOf(chooseSubnet(used('172.16.0.0/12', '192.168.1.0/24'))), '192.168.16.0/20');
});

test('none left is an error', () => {
  assert.throws(() => chooseSubnet(DEFAULT_POOLS.map(subnetOf)), { code: 'exhausted' });
});
