import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerListEntry, ContainerNetworkView } from '#container/views.ts';
import { parseDigest } from '#oci/digest.ts';
import { attachmentsOf, sandboxRequest } from '#container/run/sandbox-request.ts';
import { attachTo } from '#network/attachment.ts';
import { newContainerSpec } from '#container/new-container-spec.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';
import { apiVersion } from '#wire/versions.ts';
import { encodeEndpoints, portMapOf } from './encode-network.ts';
import { networkOfRequest } from './network-of-request.ts';

function network(HostConfig: object, more: object = {}) {
  // The last version in which a container has a MAC address of its own.
  const body = JSON.stringify({ Image: 'i', ...more, HostConfig });
  return networkOfRequest(decodeCreateRequest(body, apiVersion('1.51')));
}

test('addresses, ranges and free choice of ports', () => {
  const { ports } = network({
    PortBindings: {
      '80/tcp': [{ HostPort: '8080' }, { HostIp: '127.0.0.1' }, { HostIp: '::1', HostPort: '0' }],
      '53/udp': [{ HostPort: '8000-8010' }],
      '90/tcp': null,
    },
  });
  assert.deepEqual(ports, [
    { port: 80, protocol: 'tcp', hostAddress: '', hostPorts: { first: 8080, last: 8080 } },
    { port: 80, protocol: 'tcp', hostAddress: '127.0.0.1' },
    { port: 80, protocol: 'tcp', hostAddress: '::1' },
    { port: 53, protocol: 'udp', hostAddress: '', hostPorts: { first: 8000, last: 8010 } },
    { port: 90, protocol: 'tcp', hostAddress: '' },
  ]);
});

test('publishing everything adds what is exposed and not bound', () => {
  const ExposedPorts = { '80/tcp': {}, '443/tcp': {}, '80/udp': {} };
  const PortBindings = { '80/tcp': [{ HostPort: '8080' }] };
  const portsOf = (PublishAllPorts: boolean) => {
    const spec = newContainerSpec('i', {
      network: network({ PortBindings, PublishAllPorts }, { ExposedPorts }),
    });
    return sandboxRequest('', '', spec).ports.map(({ port, protocol, hostPorts }) => [
      port,
      protocol,
      hostPorts?.first,
    ]);
  };
  assert.deepEqual(portsOf(true), [
    [80, 'tcp', 8080],
    [443, 'tcp', undefined],
    [80, 'udp', undefined],
  ]);
  assert.equal(portsOf(false).length, 1);
});

const refusal = (HostIp: string, HostPort: string) => () =>
  network({ PortBindings: { '80/tcp': [{ HostIp, HostPort }] } });

test("dockerd's refusals", () => {
  assert.throws(refusal('', 'abc'), { message: 'invalid port specification: "abc"' });
  assert.throws(refusal('', '70000'), { message: 'invalid port specification: "70000"' });
  assert.throws(refusal('', '82-81'), { message: 'invalid port specification: "82-81"' });
  assert.throws(refusal('1.2.3.400', '80'), { message: 'invalid host IP address: "1.2.3.400"' });
  assert.throws(
    () => network({ NetworkMode: 'none' }, { NetworkingConfig: { EndpointsConfig: { nn: {} } } }),
    { message: 'container cannot be connected to network nn besides none' },
  );
});

const asked = (NetworkMode: string, EndpointsConfig: object = {}, more: object = {}) =>
  attachmentsOf(network({ NetworkMode }, { NetworkingConfig: { EndpointsConfig }, ...more }));

test('a mode and endpoints ask for networks', () => {
  assert.deepEqual(asked('default'), [attachTo('bridge')]);
  assert.deepEqual(asked('default', { default: { Aliases: ['al'] } }), [
    { ...attachTo('bridge'), aliases: ['al'] },
  ]);
  assert.deepEqual(asked('host'), [attachTo('host')]);
  assert.deepEqual(asked('container:x'), []);
  const back = { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.0.9' } };
  assert.deepEqual(asked('front', { back }, { MacAddress: '02:42:00:00:00:01' }), [
    { ...attachTo('front'), macAddress: '02:42:00:00:00:01' },
    { ...attachTo('back'), aliases: ['db'], ipv4Address: '10.0.0.9' },
  ]);
});

test('a container that does not run shows the endpoints that it is to have', () => {
  const attachments = [attachTo('bridge'), { ...attachTo('back'), aliases: ['db'], ipv4Address: '10.0.0.9' }];
  const networkIds = new Map([['bridge', 'b1']]);
  const entry = entryOf({ attachments });
  const { bridge, back } = encodeEndpoints(entry, networkIds);
  assert.partialDeepStrictEqual(bridge, { IPAMConfig: null, Aliases: null, NetworkID: '', IPAddress: '' });
  assert.partialDeepStrictEqual(back, { IPAMConfig: { IPv4Address: '10.0.0.9' }, Aliases: ['db'] });
  const ran = { ...entry, state: { ...entry.state, startedAt: '2026-01-01T00:00:00Z' } };
  assert.equal(encodeEndpoints(ran, networkIds)['bridge']?.NetworkID, 'b1');
  assert.equal(back?.DNSNames, null);
  assert.deepEqual(encodeEndpoints(ran, networkIds)['back']?.DNSNames, ['web', 'db', '0123456789ab']);
});

function entryOf(network: ContainerNetworkView): ContainerListEntry {
  const id = '0123456789abcdef';
  return {
    id,
    name: 'web',
    createdAt: '2026-01-01T00:00:00Z',
    imageId: parseDigest(`sha256:${'0'.repeat(64)}`),
    image: 'i',
    spec: newContainerSpec('i'),
    state: { status: 'exited', exitCode: 0, outOfMemory: false },
    mounts: [],
    network,
    links: [],
    linkedAs: [],
  };
}

test('a port map has every port that is served, and where it is published', () => {
  const http = { port: 80, protocol: 'tcp' } as const;
  const sandbox = {
    endpoints: [],
    publications: [{ ...http, hostAddress: '::', hostPort: 8080 }],
    servedPorts: [http, { port: 90, protocol: 'udp' } as const],
  };
  assert.deepEqual(portMapOf({ attachments: [], sandbox }), {
    '80/tcp': [{ HostIp: '::', HostPort: '8080' }],
    '90/udp': null,
  });
});
