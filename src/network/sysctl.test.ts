import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSysctl, sysctlPath, writeSysctls } from './sysctl.ts';

test('both separators, and the other one inside of a name', () => {
  assert.equal(sysctlPath('net.ipv4.ip_forward'), '/proc/sys/net/ipv4/ip_forward');
  assert.equal(sysctlPath('net/ipv4/ip_forward'), '/proc/sys/net/ipv4/ip_forward');
  assert.equal(sysctlPath('net.ipv4.conf.eth0/10.forwarding'), '/proc/sys/net/ipv4/conf/eth0.10/forwarding');
  assert.equal(sysctlPath('net/ipv4/conf/eth0.10/forwarding'), '/proc/sys/net/ipv4/conf/eth0.10/forwarding');
});

test('no way out of the settings', () => {
  for (const key of ['net/../../etc/passwd', '../x', 'net..x', '', 'net.ipv4.', '/proc/x', 'net.//.x']) {
    assert.throws(() => sysctlPath(key), { code: 'invalid' }, key);
  }
});

test('what does not exist', () => {
  assert.equal(readSysctl('net.ipv4.no_such_setting'), undefined);
  assert.throws(() => writeSysctls({ 'net.ipv4.no_such_setting': '1' }), { code: 'invalid' });
  assert.match(readSysctl('kernel.ostype') ?? '', /^Linux$/);
});
