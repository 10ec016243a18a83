import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSettings } from '#wire/network.ts';
import { NO_ENDPOINT } from './endpoint.ts';
import { validateRequest } from './validate.ts';

function onBridge(endpoint: Partial<EndpointSettings>, key = 'bridge') {
  const endpoints = { [key]: { ...NO_ENDPOINT, ...endpoint } };
  return () => validateRequest({ mode: 'bridge', endpoints, portBindings: {}, extraHosts: [], dns: [] });
}

const PREFIX = 'invalid config for network bridge: invalid endpoint settings:';

test('what the CLI sends by default passes', () => {
  onBridge({}, 'default')();
  onBridge({ Aliases: [], MacAddress: '02:42:ac:11:00:09' })();
});

test("dockerd's refusals on the default bridge", () => {
  assert.throws(onBridge({ IPAMConfig: { IPv4Address: '172.17.0.99' } }), {
    code: 'invalid',
    message: `${PREFIX}\n* user specified IP address is supported on user defined networks only\n* user specified IP address is supported only when connecting to networks with user configured subnets`,
  });
  assert.throws(onBridge({ Aliases: ['x'] }, 'default'), {
    message: `${PREFIX}\nnetwork-scoped alias is supported only for containers in user defined networks`,
  });
  assert.throws(onBridge({ MacAddress: 'zz' }), {
    message: 'invalid config for network bridge: invalid MAC address zz',
  });
});

test('ports, hosts and servers are looked at whatever the network', () => {
  const base = { mode: 'none', endpoints: {}, portBindings: {}, extraHosts: [], dns: [] };
  validateRequest({ ...base, mode: 'no-such-network' });
  assert.throws(() => validateRequest({ ...base, portBindings: { 'x/tcp': [] } }), { code: 'invalid' });
  assert.throws(() => validateRequest({ ...base, extraHosts: ['x'] }), { code: 'invalid' });
  assert.throws(() => validateRequest({ ...base, dns: ['1.2.3'] }), { code: 'invalid' });
});
