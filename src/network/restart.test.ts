import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseInterfaceAddress } from '#base/ip-prefix.ts';
import { until } from '#base/testing.ts';
import { closeFd } from '#linux/descriptors.ts';
import { bindInetSocket } from '#linux/inet-socket.ts';
import { inNetworkNamespace } from '#linux/namespaces.ts';
import { Nftables } from '#linux/nftables.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { addAddress, createBridge, createVeth, deleteLink, setLinkUp } from '#linux/rtnetlink-messages.ts';
import { claimBridge, deleteBridge } from './bridge.ts';
import {
  addressOn,
  BRIDGE,
  linkNames,
  newNetwork,
  onPrivateHost,
  Peer,
  port,
  requestFor,
  startNetworks,
  TABLE,
  temporaryDirectory,
} from './testing.ts';
import type { Networks, SandboxRecord } from './network.ts';
import type { DaemonReport } from './testing-daemon.ts';

const OTHER = 'other0';

if (onPrivateHost(import.meta.filename)) {
  describe('over restarts of the daemon', restarts);
  describe('the default bridge', bridges);
  describe('two engines on one host', neighbours);
}

/** A daemon that has two containers and its pool, and is killed. */
async function killedDaemon(directory: string): Promise<DaemonReport> {
  const child = fork(join(import.meta.dirname, 'testing-daemon.ts'), [directory]);
  const [found] = await once(child, 'message');
  await until(
    () => readdirSync(join(directory, 'namespaces')).length === 4,
    'two containers and a pool of two',
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  return found;
}

function restarts(): void {
  let stack: AsyncDisposableStack;
  let directory: string;
  beforeEach(() => {
    stack = new AsyncDisposableStack();
    directory = stack.use(temporaryDirectory()).path;
  });
  afterEach(async () => {
    await stack.disposeAsync();
    await until(() => linkNames().length === 0, 'no links');
    using nftables = Nftables.open();
    assert.equal(nftables.run('list tables'), '');
  });

  test('a killed daemon’s containers are taken over, and nothing else', async () => {
    const { web } = await killedDaemon(directory);
    using peer = await Peer.start('web', web.namespacePath);
    using host = await Peer.start('host');
    await peer.listen(80);
    assert.match(await host.ask('127.0.0.1', 8080), /^web /, 'without a daemon');
    assert.equal(await host.ask('::1', 8080), 'ECONNREFUSED', 'without a daemon');
    const networks = await startNetworks(directory, { restore: [web] });
    stack.defer(() => networks.destroy());
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    assert.match(await host.ask('::1', 8080), /^web /);
    assert.equal(await peer.resolve('web'), '["172.30.0.2"]');
    assert.throws(() => bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080 }), {
      errno: 'EADDRINUSE',
    });
    assert.deepEqual(
      readdirSync(join(directory, 'namespaces')).map((name) => join(directory, 'namespaces', name)),
      [web.namespacePath],
    );
    await until(() => linkNames().length === 2, 'the bridge and one cable');
    assert.deepEqual(
      networks.inspect('bridge').members.map(({ sandboxId }) => sandboxId),
      [web.id],
    );
    const next = await networks.acquire(requestFor('next'));
    assert.notEqual(addressOn(next), '172.30.0.2');
    networks.release(web);
    assert.equal(await host.ask('127.0.0.1', 8080), 'ECONNREFUSED');
    closeFd(bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080 }));
  });

  test('a clean stop leaves running containers alone', async () => {
    const first = await startNetworks(directory, { poolSize: 1 });
    const web = await first.acquire(requestFor('web', { ports: [port('80/tcp', 8080)] }));
    const { id, createdAt } = first.inspect('bridge').network;
    using peer = await Peer.start('web', web.namespacePath);
    using host = await Peer.start('host');
    await peer.listen(80);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    const second = await startNetworks(directory, { restore: [web] });
    stack.defer(() => second.destroy());
    assert.deepEqual(identityOf(second), { id, createdAt });
    second.rename(web.id, 'store');
    assert.equal(await peer.resolve('store'), '["172.30.0.2"]');
  });

  test('a table in the way, half of ours and half of someone else’s, is replaced', async () => {
    const { web } = await killedDaemon(directory);
    using nftables = Nftables.open();
    nftables.run(`delete table inet ${TABLE}`);
    nftables.run(`add table inet ${TABLE}`);
    nftables.run(`add map inet ${TABLE} published { type ipv4_addr : ipv4_addr; }`);
    nftables.run(`add chain inet ${TABLE} forward { type filter hook forward priority 0; policy drop; }`);
    const networks = await startNetworks(directory, { restore: [web] });
    stack.defer(() => networks.destroy());
    using peer = await Peer.start('web', web.namespacePath);
    using host = await Peer.start('host');
    await peer.listen(80);
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
  });

  test('a resolver that a container has cut off is back, one that works is left as it is', async () => {
    const { web, ended: other } = await killedDaemon(directory);
    inSandbox(other, () => Nftables.runOnce('flush ruleset'));
    const untouched = inSandbox(web, listTables);
    // They are looked at in this order.
    const networks = await startNetworks(directory, { restore: [web, other] });
    stack.defer(() => networks.destroy());
    using peer = await Peer.start('other', other.namespacePath);
    await until(async () => (await peer.resolve('web')) === '["172.30.0.2"]', 'names resolve');
    assert.deepEqual(inSandbox(web, listTables), untouched);
  });

  test('a bridge that is gone, a port that is taken: the container is mended as far as it can be', async () => {
    const { web } = await killedDaemon(directory);
    {
      using route = RouteSocket.open();
      route.request(deleteLink(BRIDGE));
    }
    const fd = bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080, backlog: 1 });
    stack.defer(() => closeFd(fd));
    const networks = await startNetworks(directory, { restore: [web] });
    stack.defer(() => networks.destroy());
    using peer = await Peer.start('web', web.namespacePath);
    using host = await Peer.start('host');
    await peer.listen(80);
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    assert.equal(await peer.resolve('web'), '["172.30.0.2"]');
  });
}

/** Starts an engine, which chooses the address itself if none is given. */
async function startOn(directory: string, bridgeAddress?: string) {
  const options = bridgeAddress === undefined ? { anyAddress: true } : { bridgeAddress };
  const networks = await startNetworks(directory, options);
  return { networks, subnet: networks.inspect('bridge').network.pools[0]?.subnet };
}

function bridges(): void {
  test('it avoids what the host uses, and stays where it is', async () => {
    using directory = temporaryDirectory();
    using route = RouteSocket.open();
    route.request(createBridge({ name: 'used0' }), setLinkUp('used0'));
    const index = route.linkIndex('used0');
    route.request(addAddress({ index, address: '172.17.9.1', prefixLength: 24 }));
    const first = await startOn(directory.path);
    assert.equal(first.subnet, '172.18.0.0/16');
    await first.networks[Symbol.asyncDispose]();
    route.request(deleteLink('used0'));
    const second = await startOn(directory.path);
    assert.equal(second.subnet, '172.18.0.0/16');
    await second.networks.destroy();
    const third = await startOn(directory.path);
    assert.equal(third.subnet, '172.17.0.0/16');
    await third.networks.destroy();
    assert.deepEqual(linkNames(), []);
  });

  test('another address moves it, unless containers are running', async () => {
    using directory = temporaryDirectory();
    const first = await startOn(directory.path, '172.30.5.1/24');
    await first.networks[Symbol.asyncDispose]();
    const second = await startOn(directory.path, '172.30.6.1/24');
    assert.equal(second.subnet, '172.30.6.0/24');
    const record = await second.networks.acquire(requestFor('web'));
    await second.networks[Symbol.asyncDispose]();
    const third = await startNetworks(directory.path, { bridgeAddress: '172.30.7.1/24', restore: [record] });
    assert.equal(third.inspect('bridge').network.pools[0]?.subnet, '172.30.6.0/24');
    await third.destroy();
    await until(() => linkNames().length === 0, 'no links');
  });

  test('a link of another kind is not touched', async () => {
    using directory = temporaryDirectory();
    using route = RouteSocket.open();
    route.request(createVeth({ name: BRIDGE, peerName: 'peer0' }));
    await assert.rejects(startOn(directory.path), { code: 'conflict' });
    route.request(deleteLink(BRIDGE));
  });

  test('a bridge of the user’s keeps its address', async () => {
    using directory = temporaryDirectory();
    using route = RouteSocket.open();
    route.request(createBridge({ name: BRIDGE }));
    const index = route.linkIndex(BRIDGE);
    route.request(addAddress({ index, address: '172.30.8.1', prefixLength: 24 }));
    const { networks, subnet } = await startOn(directory.path);
    assert.equal(subnet, '172.30.8.0/24');
    await networks.destroy();
  });
}

function countBridges(): number {
  return linkNames().filter((name) => /^(cntest|br-)/.test(name)).length;
}

/** Does what another engine does. */
function takeFirstPool(route: RouteSocket): void {
  route.request(createBridge({ name: OTHER }));
  const index = route.linkIndex(OTHER);
  route.request(addAddress({ index, address: '172.17.0.1', prefixLength: 16 }));
}

function neighbours(): void {
  test('a subnet that another takes in the same moment is left to it', async () => {
    using route = RouteSocket.open();
    const options = { name: BRIDGE, network: 'bridge', mtu: 1500, note: '' };
    const gateways = [parseInterfaceAddress('172.17.0.1/16')];
    takeFirstPool(route);
    assert.throws(() => claimBridge({ ...options, gateways }), { reason: 'subnet-in-use' });
    const { index } = route.link(BRIDGE);
    const addresses = route.listAddresses().filter((address) => address.index === index);
    assert.deepEqual(addresses, []);
    deleteBridge(OTHER);
    claimBridge({ ...options, gateways });
    deleteBridge(BRIDGE);
  });

  test('what belongs to an engine that is gone is taken away; what belongs to one that is stopped is not', async () => {
    await using stack = new AsyncDisposableStack();
    const start = async (number: number) => {
      const directory = stack.use(temporaryDirectory());
      const names = { bridgeName: `cntest${number}`, tableName: `${TABLE}${number}` };
      const networks = await startNetworks(directory.path, {
        ...names,
        bridgeAddress: `172.30.${number}.1/24`,
      });
      const { id } = await networks.create(newNetwork('front'));
      return { directory, networks, id: id.slice(0, 12) };
    };
    const gone = await start(1);
    const stopped = await start(2);
    const busy = await start(3);
    for (const { networks } of [gone, stopped, busy]) await networks[Symbol.asyncDispose]();
    for (const { directory } of [gone, busy]) directory[Symbol.dispose]();
    using route = RouteSocket.open();
    route.request(createVeth({ name: 'port0', peerName: 'port1', masterIndex: route.linkIndex('cntest3') }));
    assert.equal(countBridges(), 6);
    const next = await start(4);
    stack.defer(() => next.networks.destroy());
    await until(() => countBridges() === 6, 'two each, also of the one whose bridge is in use');
    assert.deepEqual(
      linkNames().filter((name) => name.startsWith('cntest')),
      ['cntest2', 'cntest3', 'cntest4'],
    );
    using nftables = Nftables.open();
    assert.ok(!nftables.run('list tables').includes(`${TABLE}1`));
    const again = await startNetworks(stopped.directory.path, {
      bridgeName: 'cntest2',
      tableName: `${TABLE}2`,
    });
    await again.destroy();
    route.request(deleteLink('port0'));
    await (
      await startNetworks(busy.directory.path, { bridgeName: 'cntest3', tableName: `${TABLE}3` })
    ).destroy();
    for (const name of linkNames().filter((link) => link.startsWith('br-'))) {
      if (!name.startsWith(`br-${next.id}`)) deleteBridge(name);
    }
  });

  test('their containers meet by published ports only', async () => {
    await using stack = new AsyncDisposableStack();
    const start = async (number: number) => {
      const directory = stack.use(temporaryDirectory()).path;
      const bridgeAddress = `172.30.${number}.1/24`;
      const names = { bridgeName: `cntest${number}`, tableName: `${TABLE}${number}`, bridgeAddress };
      const networks = await startNetworks(directory, names);
      stack.defer(() => networks.destroy());
      const ports = [port('80/tcp', 8080 + number)];
      const record = await networks.acquire(requestFor(`web${number}`, { ports }));
      const peer = stack.use(await Peer.start(`web${number}`, record.namespacePath));
      await peer.listen(80);
      return { networks, peer, address: addressOn(record) };
    };
    const one = await start(1);
    const two = await start(2);
    assert.equal(await one.peer.askInVain(two.address, 80), 'timeout');
    assert.equal(await two.peer.askInVain(one.address, 80), 'timeout');
    assert.match(await one.peer.ask('172.30.1.1', 8082), /^web2 /);
    assert.match(await two.peer.ask('172.30.1.1', 8081), /^web1 /);
    assert.equal(await one.peer.resolve('web2'), 'ESERVFAIL');
    const ports = [port('80/tcp', 8082)];
    await assert.rejects(one.networks.acquire(requestFor('x', { ports })), /address already in use/);
  });
}

/** Lists rules with their handles, which a table that is made anew does not keep. */
function listTables(): unknown {
  using nftables = Nftables.open();
  return nftables.runJson('list tables');
}

function inSandbox<T>({ namespacePath = '' }: SandboxRecord, work: () => T): T {
  return inNetworkNamespace(namespacePath, work);
}

function identityOf(networks: Networks) {
  const { id, createdAt } = networks.inspect('bridge').network;
  return { id, createdAt };
}
