import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  broadcastOf,
  contains,
  formatIpv4,
  formatSubnet,
  overlap,
  parseInterfaceAddress,
  parseIpv4,
  sizeOf,
  subnetOf,
} from './ipv4.ts';

const subnet = (text: string) => parseInterfaceAddress(text).subnet;

test('addresses survive a round trip, high bits included', () => {
  for (const text of ['0.0.0.0', '10.1.2.3', '192.168.255.1', '255.255.255.255']) {
    assert.equal(formatIpv4(parseIpv4(text)), text);
  }
});

test('a subnet is what the prefix leaves of an address', () => {
  const { address, subnet } = parseInterfaceAddress('192.168.7.9/20');
  assert.equal(formatIpv4(address), '192.168.7.9');
  assert.equal(formatSubnet(subnet), '192.168.0.0/20');
  assert.equal(formatIpv4(broadcastOf(subnet)), '192.168.15.255');
  assert.equal(sizeOf(subnet), 4096);
});

test('the largest and smallest subnets', () => {
  assert.equal(formatSubnet(subnetOf(parseIpv4('200.1.1.1'), 0)), '0.0.0.0/0');
  assert.equal(formatIpv4(broadcastOf(subnet('200.1.1.1/0'))), '255.255.255.255');
  assert.equal(formatSubnet(subnetOf(parseIpv4('200.1.1.1'), 32)), '200.1.1.1/32');
});

test('containment and overlap', () => {
  assert.ok(contains(subnet('172.17.0.1/16'), parseIpv4('172.17.255.255')));
  assert.ok(!contains(subnet('172.17.0.1/16'), parseIpv4('172.18.0.0')));
  assert.ok(overlap(subnet('10.0.0.0/8'), subnet('10.200.0.0/24')));
  assert.ok(overlap(subnet('10.200.0.0/24'), subnet('10.0.0.0/8')));
  assert.ok(!overlap(subnet('10.0.0.0/24'), subnet('10.0.1.0/24')));
});

test('what is not an address with a prefix is refused', () => {
  for (const text of [
    '',
    '10.0.0.1',
    '10.0.0/8',
    '10.0.0.1/33',
    '10.0.0.256/8',
    'fd00::1/64',
    '10.0.0.1/8x',
  ]) {
    assert.throws(() => parseInterfaceAddress(text), { code: 'invalid' }, text);
  }
});
