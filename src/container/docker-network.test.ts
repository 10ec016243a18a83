import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachTo } from '#network/attachment.ts';
import { attachmentsOf, NO_ENDPOINT, plannedEndpoints, portMapOf, portRequestsOf } from './docker-network.ts';

test('addresses, ranges and free choice', () => {
  const requests = portRequestsOf({
    '80/tcp': [
      { HostIp: '', HostPort: '8080' },
      { HostIp: '127.0.0.1', HostPort: '' },
      { HostIp: '::1', HostPort: '0' },
    ],
    '53/udp': [{ HostIp: '', HostPort: '8000-8010' }],
    '90/tcp': null,
  });
  assert.deepEqual(requests, [
    { port: 80, protocol: 'tcp', hostAddress: '', hostPorts: { first: 8080, last: 8080 } },
    { port: 80, protocol: 'tcp', hostAddress: '127.0.0.1' },
    { port: 80, protocol: 'tcp', hostAddress: '::1' },
    { port: 53, protocol: 'udp', hostAddress: '', hostPorts: { first: 8000, last: 8010 } },
  ]);
});

test('publishing everything adds what is exposed and not bound', () => {
  const bindings = { '80/tcp': [{ HostIp: '', HostPort: '8080' }] };
  const requests = portRequestsOf(bindings, ['80/tcp', '443/tcp', '80/udp'], true);
  assert.deepEqual(
    requests.map((request) => [request.port, request.protocol, request.hostPorts?.first]),
    [
      [80, 'tcp', 8080],
      [443, 'tcp', undefined],
      [80, 'udp', undefined],
    ],
  );
  assert.equal(portRequestsOf(bindings, ['443/tcp'], false).length, 1);
});

const refusal = (HostIp: string, HostPort: string) => () =>
  portRequestsOf({ '80/tcp': [{ HostIp, HostPort }] });

test("dockerd's refusals", () => {
  assert.throws(refusal('', 'abc'), { message: 'invalid port specification: "abc"' });
  assert.throws(refusal('', '70000'), { message: 'invalid port specification: "70000"' });
  assert.throws(refusal('', '82-81'), { message: 'invalid port specification: "82-81"' });
  assert.throws(refusal('1.2.3.400', '80'), { code: 'invalid' });
});

test('a port map has every exposed port, and where it is published', () => {
  const publication = { port: 80, protocol: 'tcp', hostAddress: '::', hostPort: 8080 } as const;
  assert.deepEqual(portMapOf([publication], ['80/tcp', '90/udp']), {
    '80/tcp': [{ HostIp: '::', HostPort: '8080' }],
    '90/udp': null,
  });
});

test('the endpoints that a container will have', () => {
  assert.deepEqual(plannedEndpoints('default', { default: NO_ENDPOINT }), { bridge: NO_ENDPOINT });
  assert.deepEqual(plannedEndpoints('host', {}), { host: NO_ENDPOINT });
  assert.deepEqual(plannedEndpoints('container:x', {}), {});
  const own = { ...NO_ENDPOINT, Aliases: ['al'] };
  assert.deepEqual(plannedEndpoints('nn', { nn: own }), { nn: own });
});

test('a mode and endpoints ask for networks', () => {
  assert.deepEqual(attachmentsOf('default', {}), [attachTo('bridge')]);
  const endpoints = { back: { ...NO_ENDPOINT, Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.0.9' } } };
  assert.deepEqual(attachmentsOf('front', endpoints, '02:42:00:00:00:01'), [
    { ...attachTo('front'), macAddress: '02:42:00:00:00:01' },
    { ...attachTo('back'), aliases: ['db'], ipv4Address: '10.0.0.9' },
  ]);
});
