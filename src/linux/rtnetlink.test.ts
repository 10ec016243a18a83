import assert from 'node:assert/strict';
import { mkdtempDisposableSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { closeFd } from './descriptors.ts';
import {
  createNetworkNamespace,
  inNetworkNamespace,
  openNamespace,
  removeNetworkNamespace,
} from './namespaces.ts';
import * as message from './rtnetlink-messages.ts';
import { RouteSocket } from './rtnetlink.ts';

/** A network namespace for one test, and a socket in it. */
function testNamespace() {
  const stack = new DisposableStack();
  const directory = stack.use(mkdtempDisposableSync('/tmp/caisson-route-'));
  const path = join(directory.path, 'ns');
  createNetworkNamespace(path);
  stack.defer(() => removeNetworkNamespace(path));
  const socket = stack.use(inNetworkNamespace(path, () => RouteSocket.open()));
  return { path, socket, [Symbol.dispose]: () => stack.dispose() };
}

test('a bridge with a veth whose peer is born in another namespace', () => {
  using host = testNamespace();
  using container = testNamespace();
  const fd = openNamespace(container.path);
  host.socket.request(message.createBridge({ name: 'br0', mac: '02:42:00:00:00:01' }));
  const masterIndex = host.socket.linkIndex('br0');
  host.socket.request(
    message.createVeth({
      name: 'veth0',
      peerName: 'eth0',
      peerNamespaceFd: fd,
      peerMac: '02:42:0a:00:00:02',
      masterIndex,
      mtu: 1400,
      up: true,
    }),
    message.setLinkUp('br0'),
  );
  closeFd(fd);
  const port = host.socket.link('veth0');
  assert.deepEqual(
    { kind: port.kind, masterIndex: port.masterIndex, up: port.up, mtu: port.mtu },
    { kind: 'veth', masterIndex, up: true, mtu: 1400 },
  );
  host.socket.request(message.setBridgePort(port.index, { hairpin: true, isolated: false }));
  const bridge = host.socket.link('br0');
  assert.deepEqual([bridge.macAddress, bridge.mtu], ['02:42:00:00:00:01', 1400]);
  const eth0 = container.socket.link('eth0');
  assert.deepEqual([eth0.macAddress, eth0.up, eth0.mtu], ['02:42:0a:00:00:02', false, 1400]);
  assert.ok(!host.socket.linkExists('eth0'));
});

test('addresses and routes of both families', () => {
  using space = testNamespace();
  const { socket } = space;
  socket.request(message.createBridge({ name: 'd0' }), message.setLinkUp('d0'), message.setLinkUp('lo'));
  const index = socket.linkIndex('d0');
  socket.request(
    message.addAddress({ index, address: '10.9.0.1', prefixLength: 24, broadcast: '10.9.0.255' }),
    message.addAddress({ index, address: 'fd00:9::1', prefixLength: 64 }),
    message.replaceRoute({ index, gateway: '10.9.0.2' }),
    message.replaceRoute({ index, gateway: 'fd00:9::2' }),
    message.replaceRoute({ index, destination: { address: '10.77.0.0', prefixLength: 16 } }),
  );
  const addresses = socket.listAddresses().filter((entry) => entry.index === index);
  assert.deepEqual(
    addresses.filter(({ address }) => !address.startsWith('fe80')),
    [
      { index, family: 'ipv4', address: '10.9.0.1', prefixLength: 24 },
      { index, family: 'ipv6', address: 'fd00:9::1', prefixLength: 64 },
    ],
  );
  const routes = socket.listRoutes();
  const find = (destination: string) => routes.find((route) => route.destination === destination);
  assert.deepEqual(find('0.0.0.0'), {
    family: 'ipv4',
    destination: '0.0.0.0',
    prefixLength: 0,
    outputIndex: index,
    gateway: '10.9.0.2',
  });
  assert.equal(find('::')?.gateway, 'fd00:9::2');
  assert.equal(find('10.77.0.0')?.gateway, undefined);
  assert.equal(find('10.77.0.0')?.prefixLength, 16);
  socket.request(
    message.deleteAddress({ index, address: 'fd00:9::1', prefixLength: 64 }),
    message.replaceRoute({ index, gateway: '10.9.0.3' }),
  );
  const gateways: readonly (string | undefined)[] = socket.listRoutes().map(({ gateway }) => gateway);
  assert.ok(gateways.includes('10.9.0.3') && !gateways.includes('10.9.0.2'));
});

test('links are renamed, changed and deleted', () => {
  using space = testNamespace();
  const { socket } = space;
  socket.request(message.createVeth({ name: 'd0', peerName: 'p0', mtu: 1300 }));
  const index = socket.linkIndex('d0');
  socket.request(message.setLinkName(index, 'd1'));
  assert.equal(socket.link('d1').mtu, 1300);
  socket.request(message.createBridge({ name: 'br0' }));
  socket.request(message.setLinkMaster(index, socket.linkIndex('br0')), message.setLinkUp(index));
  assert.equal(socket.link('d1').masterIndex, socket.linkIndex('br0'));
  socket.request(message.setLinkDown(index), message.setLinkMaster(index, 0));
  assert.equal(socket.link('d1').masterIndex, undefined);
  socket.request(message.deleteLink('d1'));
  assert.ok(!socket.linkExists('d1'));
});

test("errors carry the kernel's words, and do not stop what follows", () => {
  using space = testNamespace();
  const { socket } = space;
  const results = socket.requestAll([
    message.createBridge({ name: 'd0' }),
    message.createBridge({ name: 'd0' }),
    message.replaceRoute({ index: 1, gateway: '10.0.0.1' }),
    message.setLinkUp('nowhere'),
    message.createBridge({ name: 'd1' }),
  ]);
  assert.deepEqual(
    results.map((error) => error?.errno ?? null),
    [null, 'EEXIST', 'ENETUNREACH', 'ENODEV', null],
  );
  assert.equal(results[1]?.message, 'Cannot create link d0: file exists (EEXIST)');
  assert.match(results[2]?.message ?? '', /^Cannot replace default route: .*: \w+/);
  assert.ok(socket.linkExists('d1'));
  assert.throws(
    () => socket.linkIndex('nowhere'),
    (error) => isEngineError(error, 'not-found'),
  );
  assert.throws(
    () => socket.request(message.createBridge({ name: 'd1' }), message.createBridge({ name: 'd2' })),
    (error) => isEngineError(error, 'conflict'),
  );
  assert.ok(socket.linkExists('d2'));
});

test('hundreds of messages in one request, and a dump of many parts', () => {
  using space = testNamespace();
  const { socket } = space;
  const names = Array.from({ length: 200 }, (_, index) => `d${index}`);
  const results = socket.requestAll(
    names.flatMap((name) => [message.createBridge({ name }), message.setLinkUp(name)]),
  );
  assert.equal(results.length, 400);
  assert.ok(results.every((error) => error === null));
  const links = socket.listLinks();
  assert.equal(links.length, 201);
  assert.ok(links.every(({ name, up }) => name === 'lo' || up));
  const index = socket.linkIndex('d0');
  const addresses = Array.from({ length: 250 }, (_, host) => `10.1.1.${host + 1}`);
  socket.request(...addresses.map((address) => message.addAddress({ index, address, prefixLength: 32 })));
  assert.equal(socket.listAddresses().filter(({ family }) => family === 'ipv4').length, 250);
});
