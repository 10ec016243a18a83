import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from './errors.ts';
import { familyOf, formatIp, ipBytes, ipFromNumber, ipToNumber, isIpAddress, parseIp } from './ip-address.ts';

test('addresses to bytes and back', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['10.0.0.1', '0a000001'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['fd00:1::2', 'fd000001000000000000000000000002'],
    ['2001:db8:1:2:3:4:5:6', '20010db8000100020003000400050006'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
  ];
  for (const [address, hex] of cases) {
    assert.equal(ipBytes(address).toString('hex'), hex, address);
    assert.equal(formatIp(ipBytes(address)), address);
  }
  assert.equal(familyOf(parseIp('10.0.0.1')), 'ipv4');
  assert.equal(familyOf(parseIp('::1')), 'ipv6');
});

test('an address has one text and one number', () => {
  assert.equal(parseIp('FD00:0:0:0::2'), 'fd00::2');
  assert.ok(
    isIpAddress('fd00::2') && !isIpAddress('FD00::2') && !isIpAddress('fe80::1%eth0') && !isIpAddress('x'),
  );
  assert.equal(ipToNumber(parseIp('255.255.255.255')), 0xffff_ffffn);
  for (const text of ['0.0.0.0', '10.1.2.3', '255.255.255.255', '::', 'fd00::1', 'ffff::ffff']) {
    const address = parseIp(text);
    assert.equal(ipFromNumber(ipToNumber(address), familyOf(address)), text);
  }
});

test('what is no address is invalid', () => {
  for (const text of ['', '10.0.0', '10.0.0.256', 'fe80::1%eth0', '::g']) {
    assert.throws(
      () => ipBytes(text),
      (error) => isEngineError(error, 'invalid'),
    );
  }
});
