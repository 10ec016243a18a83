import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachTo } from './attachment.ts';
import { fromFormerSandbox, isFormerSandbox } from './former-sandbox.ts';
import { requestFor } from './testing.ts';

const ID = '5'.repeat(64);
const OPTIONS = { extraHosts: ['up:host-gateway'], dnsSearch: ['x.org'], dnsOptions: [], sysctls: {} };

/** A record from when a sandbox had one endpoint only. */
const FORMER: unknown = JSON.parse(
  JSON.stringify({
    containerId: ID,
    namespacePath: '/run/x/networks/namespaces/0a1b2c3d',
    endpoints: {
      bridge: {
        IPAMConfig: null,
        MacAddress: '02:42:ac:11:00:02',
        NetworkID: 'a'.repeat(64),
        EndpointID: 'b'.repeat(64),
        Gateway: '172.17.0.1',
        IPAddress: '172.17.0.2',
        IPPrefixLen: 16,
      },
    },
    ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '53/udp': null },
    hostsFile: '127.0.0.1\tlocalhost\n',
    resolvConf: 'nameserver 127.0.0.11\n',
    request: {
      containerId: ID,
      containerName: 'web',
      mode: 'bridge',
      hostname: 'h',
      domainname: '',
      dns: ['10.0.0.53'],
      portBindings: {},
      ...OPTIONS,
    },
  }),
);

test('a sandbox that was recorded before keeps its address, names and ports', () => {
  assert.ok(isFormerSandbox(FORMER));
  const record = fromFormerSandbox(FORMER);
  assert.deepEqual(record, {
    id: ID,
    namespacePath: '/run/x/networks/namespaces/0a1b2c3d',
    endpoints: [
      {
        id: 'b'.repeat(64),
        networkId: 'a'.repeat(64),
        networkName: 'bridge',
        addresses: [{ address: '172.17.0.2', prefixLength: 16 }],
        gateways: ['172.17.0.1'],
        macAddress: '02:42:ac:11:00:02',
        interfaceName: 'eth0',
        linkSuffix: '0a1b2c3d',
        attachment: attachTo('bridge'),
      },
    ],
    publications: [{ port: 80, protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 8080 }],
    request: {
      ...requestFor('web', { ...OPTIONS, hostname: 'h', dnsServers: ['10.0.0.53'] }),
      id: ID,
      attachments: [attachTo('bridge')],
    },
  });
  assert.ok(!isFormerSandbox(record));
});
