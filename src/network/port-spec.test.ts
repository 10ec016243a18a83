import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseContainerPort, parsePortRequests } from './port-spec.ts';

test('container ports', () => {
  assert.deepEqual(parseContainerPort('80'), { port: 80, protocol: 'tcp' });
  assert.deepEqual(parseContainerPort('53/udp'), { port: 53, protocol: 'udp' });
  for (const text of ['x/tcp', '80/foo', '70000/tcp', '80-82/tcp', '/tcp', '-1']) {
    assert.throws(() => parseContainerPort(text), { code: 'invalid' }, text);
  }
});

test('addresses, ranges and free choice', () => {
  const requests = parsePortRequests({
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
  const requests = parsePortRequests(bindings, ['80/tcp', '443/tcp', '80/udp'], true);
  assert.deepEqual(
    requests.map((request) => [request.port, request.protocol, request.hostPorts?.first]),
    [
      [80, 'tcp', 8080],
      [443, 'tcp', undefined],
      [80, 'udp', undefined],
    ],
  );
  assert.equal(parsePortRequests(bindings, ['443/tcp'], false).length, 1);
});

const refusal = (HostIp: string, HostPort: string) => () =>
  parsePortRequests({ '80/tcp': [{ HostIp, HostPort }] });

test("dockerd's refusals", () => {
  assert.throws(refusal('', 'abc'), { message: 'invalid port specification: "abc"' });
  assert.throws(refusal('', '70000'), { message: 'invalid port specification: "70000"' });
  assert.throws(refusal('', '82-81'), { message: 'invalid port specification: "82-81"' });
  assert.throws(refusal('1.2.3.400', '80'), { code: 'invalid' });
});
