import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownHostsLines, renderHostsFile } from './hosts-file.ts';

const STANDARD = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff00::0	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
`;

test("dockerd's file for -h hh --domainname dd.x --add-host a:1.2.3.4", () => {
  const file = renderHostsFile({
    extra: [{ address: '1.2.3.4', names: ['a'] }],
    addresses: ['172.17.0.10'],
    hostname: 'hh',
    domainname: 'dd.x',
  });
  assert.equal(file, `${STANDARD}1.2.3.4\ta\n172.17.0.10\thh.dd.x hh\n`);
});

const own = (hostname: string, domainname: string) =>
  ownHostsLines({ addresses: ['10.0.0.2'], hostname, domainname });

test('a host name with dots is found by its first label, too', () => {
  assert.deepEqual(own('a.b.c', ''), ['10.0.0.2\ta.b.c a']);
  assert.deepEqual(own('a.b', 'c.d'), ['10.0.0.2\ta.b.c.d a']);
  assert.deepEqual(own('plain', ''), ['10.0.0.2\tplain']);
});

test('without a network there is no own line', () => {
  assert.equal(renderHostsFile({ extra: [], addresses: [], hostname: 'x', domainname: '' }), STANDARD);
});
