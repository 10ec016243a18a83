import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatInterfaceAddress, parseInterfaceAddress, parsePrefix, subnetOf } from '#base/ip-prefix.ts';
import { chooseSubnet, chooseSubnet6, DEFAULT_POOLS } from './default-subnet.ts';

const used = (...texts: string[]) => texts.map((text) => subnetOf(parseInterfaceAddress(text)));

const choose = (...texts: string[]) => chooseSubnet(DEFAULT_POOLS, used(...texts));

test('the default is 172.17.0.1/16', () => {
  assert.equal(formatInterfaceAddress(chooseSubnet(DEFAULT_POOLS, [])), '172.17.0.1/16');
});

test('a pool of which anything is in use is passed over', () => {
  assert.equal(subnetOf(choose('172.17.200.0/24', '172.18.0.9/32')), '172.19.0.0/16');
  assert.equal(subnetOf(choose('172.16.0.0/12')), '192.168.0.0/20');
  assert.equal(subnetOf(choose('172.16.0.0/12', '192.168.1.0/24')), '192.168.16.0/20');
});

test('none left is an error', () => {
  assert.throws(() => choose('172.16.0.0/12', '192.168.0.0/16'), { code: 'exhausted' });
});

test('pools of the operator are taken one subnet after another', () => {
  const pools = [
    { base: parsePrefix('10.9.0.0/23'), size: 24 },
    { base: parsePrefix('10.8.0.0/16'), size: 16 },
  ];
  const next = (...texts: string[]) => formatInterfaceAddress(chooseSubnet(pools, used(...texts)));
  assert.equal(next(), '10.9.0.1/24');
  assert.equal(next('10.9.0.0/24'), '10.9.1.1/24');
  assert.equal(next('10.9.0.0/16'), '10.8.0.1/16');
});

const local = (id: string) => formatInterfaceAddress(chooseSubnet6(DEFAULT_POOLS, [], id));

test('without a pool of IPv6, a network has a unique local subnet, always the same', () => {
  assert.match(local('one'), /^fd.*::1\/64$/);
  assert.equal(local('one'), local('one'));
  assert.notEqual(local('one'), local('two'));
  const pools = [{ base: parsePrefix('fd00:1::/48'), size: 64 }];
  const second = chooseSubnet6(pools, [parsePrefix('fd00:1::/64')], 'one');
  assert.equal(formatInterfaceAddress(second), 'fd00:1:0:1::1/64');
});
