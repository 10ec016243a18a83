import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { DomainEvent } from '#base/event.ts';
import { parseIp } from '#base/ip-address.ts';
import { parsePrefix } from '#base/ip-prefix.ts';
import { until } from '#base/testing.ts';
import { inNetworkNamespace } from '#linux/namespaces.ts';
import { Nftables } from '#linux/nftables.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { replaceRoute } from '#linux/rtnetlink-messages.ts';
import { attachTo } from './attachment.ts';
import { deleteBridge } from './bridge.ts';
import type { Networks, NetworkSpec, NetworkView, SandboxRecord } from './network.ts';
import {
  addressOn,
  linkNames,
  newNetwork,
  on,
  onPrivateHost,
  Peer,
  port,
  requestFor,
  startNetworks,
  TABLE,
  temporaryDirectory,
} from './testing.ts';

if (onPrivateHost(import.meta.filename)) {
  describe('several networks of one engine', suite);
}

/** What an engine has on its host: links, namespaces, and elements of the firewall's maps and sets. */
function hostState(directory: string) {
  using nftables = Nftables.open();
  return {
    links: linkNames().toSorted(),
    namespaces: readdirSync(join(directory, 'namespaces')).toSorted(),
    elements: nftables.run(`list table inet ${TABLE}`),
  };
}

/** Where the default route of a sandbox leads. */
function defaultGateways({ namespacePath = '' }: SandboxRecord): readonly string[] {
  return inNetworkNamespace(namespacePath, () => {
    using route = RouteSocket.open();
    const routes = route.listRoutes().filter(({ prefixLength }) => prefixLength === 0);
    return routes.map(({ gateway = '' }) => gateway);
  });
}

/** The interfaces that are up, by name. */
function interfaces({ namespacePath = '' }: SandboxRecord): readonly string[] {
  return inNetworkNamespace(namespacePath, () => {
    using route = RouteSocket.open();
    const up = route.listLinks().filter(({ up: isUp, name }) => isUp && name !== 'lo');
    const addresses = route.listAddresses();
    return up.map(({ index, name }) => {
      const own = addresses.filter((info) => info.index === index && info.family === 'ipv4');
      return [name, ...own.map(({ address, prefixLength }) => `${address}/${prefixLength}`)].join(' ');
    });
  });
}

function named(views: readonly NetworkView[]): readonly string[] {
  return views.map(({ network }) => network.name);
}

function onSubnet(name: string, subnet: string): NetworkSpec {
  return { ...newNetwork(name), pools: [{ subnet: parsePrefix(subnet) }] };
}

function suite(): void {
  const events: DomainEvent[] = [];
  let stack: AsyncDisposableStack;
  let directory: string;
  let networks: Networks;
  const start = async (restore: readonly SandboxRecord[] = []) => {
    networks = await startNetworks(directory, { restore, emit: (event) => void events.push(event) });
    return networks;
  };

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    directory = stack.use(temporaryDirectory()).path;
    await start();
    stack.defer(() => networks.destroy());
    events.length = 0;
  });

  afterEach(async () => {
    await stack.disposeAsync();
    await until(() => linkNames().length === 0, 'no links');
  });

  after(() => {
    using nftables = Nftables.open();
    assert.equal(nftables.run('list tables'), '');
  });

  /** 10.1.0.0/24, and 10.2.0.0/24. */
  const createTwo = async () => {
    await networks.create(onSubnet('front', '10.1.0.0/24'));
    await networks.create(onSubnet('back', '10.2.0.0/24'));
  };

  test('a network is created, found, and removed without leftovers', async () => {
    const before = hostState(directory);
    const labels = { tier: 'web' };
    const record = await networks.create({ ...newNetwork('front'), labels });
    assert.deepEqual(record.pools, [{ subnet: '172.17.0.0/16', gateway: '172.17.0.1' }]);
    assert.ok(linkNames().includes(`br-${record.id.slice(0, 12)}`));
    assert.deepEqual(networks.inspect('front'), { network: record, members: [] });
    assert.deepEqual(named(networks.list({ labels: ['tier=web'] })), ['front']);
    assert.deepEqual(named(networks.list({ isBuiltIn: false })), ['front']);
    assert.deepEqual(named(networks.list({ drivers: ['bridge'] })), ['bridge', 'front']);
    assert.deepEqual(named(networks.list({ names: ['ron', 'non'] })), ['none', 'front']);
    await assert.rejects(networks.create(newNetwork('front')), { reason: 'network-exists' });
    await assert.rejects(networks.create(newNetwork('a/b')), { reason: 'network-name-invalid' });
    await assert.rejects(networks.remove('bridge'), { reason: 'network-built-in' });
    const web = await networks.acquire(requestFor('web', on('front')));
    await assert.rejects(networks.remove('front'), { reason: 'network-in-use', subject: 'front' });
    networks.release(web);
    await networks.remove('front');
    assert.throws(() => networks.inspect('front'), { reason: 'no-such-network' });
    await until(() => {
      const now = hostState(directory);
      return JSON.stringify(now) === JSON.stringify(before);
    }, 'the host is as before');
  });

  test('subnets do not overlap, and what fails leaves nothing', async () => {
    await createTwo();
    const before = hostState(directory);
    await assert.rejects(networks.create(onSubnet('other', '10.1.0.0/16')), { reason: 'subnet-in-use' });
    await assert.rejects(networks.create(onSubnet('other', '172.30.0.0/25')), { reason: 'subnet-in-use' });
    const pools = ['10.3.0.0/24', '10.4.0.0/24'].map((subnet) => ({ subnet: parsePrefix(subnet) }));
    await assert.rejects(networks.create({ ...newNetwork('other'), pools }), { reason: 'subnet-invalid' });
    assert.deepEqual(hostState(directory), before);
    const chosen = await networks.create(newNetwork('other'));
    assert.equal(chosen.pools[0]?.subnet, '172.17.0.0/16');
  });

  test('one sandbox on two networks: addresses, default route, events', async () => {
    await createTwo();
    events.length = 0;
    const attachments = [attachTo('front'), { ...attachTo('back'), ipv4Address: '10.2.0.77' }];
    const web = await networks.acquire(requestFor('web', { attachments }));
    assert.deepEqual(interfaces(web), ['eth0 10.1.0.2/24', 'eth1 10.2.0.77/24']);
    assert.deepEqual(defaultGateways(web), ['10.2.0.1'], 'of equal priorities the first by name');
    const first = { ...attachTo('front'), gatewayPriority: 1 };
    const preferring = requestFor('b', { attachments: [attachTo('back'), first] });
    assert.deepEqual(defaultGateways(await networks.acquire(preferring)), ['10.1.0.1']);
    const asked = requestFor('c', { attachments: [{ ...attachTo('back'), ipv4Address: '10.2.0.77' }] });
    await assert.rejects(networks.acquire(asked), { reason: 'address-in-use' });
    const outside = requestFor('d', { attachments: [{ ...attachTo('back'), ipv4Address: '10.3.0.1' }] });
    await assert.rejects(networks.acquire(outside), { reason: 'address-outside' });
    assert.deepEqual(
      events.map(({ action, attributes }) => `${action} ${attributes['name']}`),
      ['connect front', 'connect back', 'connect back', 'connect front'],
    );
  });

  test('names are those of networks that both are on', async () => {
    await createTwo();
    const aliases = ['db', 'store.example'];
    const web = await networks.acquire(
      requestFor('web', { attachments: [{ ...attachTo('front'), aliases }], hostname: 'shop' }),
    );
    const both = await networks.acquire(requestFor('both', on('front', 'back')));
    const back = await networks.acquire(requestFor('back1', on('back')));
    using fromBoth = await Peer.start('both', both.namespacePath);
    using fromBack = await Peer.start('back1', back.namespacePath);
    for (const name of ['web', 'db', 'store.example', 'shop', 'web.front']) {
      assert.equal(await fromBoth.resolve(name), JSON.stringify([addressOn(web, 'front')]), name);
      assert.equal(await fromBack.resolve(name), 'ESERVFAIL', name);
    }
    assert.equal(await fromBack.resolve('both'), JSON.stringify([addressOn(both, 'back')]));
    const both2 = JSON.stringify([addressOn(both, 'front'), addressOn(both, 'back')]);
    assert.equal(await fromBoth.resolve('both'), both2);
    assert.equal(await fromBoth.resolve('2.0.1.10.in-addr.arpa', 'PTR'), '["web.front"]');
    await networks.connect(back.id, attachTo('front'));
    assert.equal(await fromBack.resolve('web'), JSON.stringify([addressOn(web, 'front')]));
    await networks.disconnect(back.id, 'front');
    assert.equal(await fromBack.resolve('web'), 'ESERVFAIL');
  });

  test('networks are isolated from each other, and an internal one from everything', async () => {
    await createTwo();
    await networks.create({ ...newNetwork('inner'), isInternal: true });
    const server = await networks.acquire(requestFor('server', on('front', 'inner')));
    using peer = await Peer.start('server', server.namespacePath);
    await peer.listen(80);
    const probe = async (name: string, network: string) => {
      const record = await networks.acquire(requestFor(name, on(network)));
      return { record, peer: stack.use(await Peer.start(name, record.namespacePath)) };
    };
    const front = await probe('f', 'front');
    const back = await probe('b', 'back');
    const inner = await probe('i', 'inner');
    assert.match(await front.peer.ask(addressOn(server, 'front'), 80), /^server /);
    assert.equal(await back.peer.askInVain(addressOn(server, 'front'), 80), 'timeout');
    assert.match(await inner.peer.ask(addressOn(server, 'inner'), 80), /^server /);
    assert.deepEqual(defaultGateways(inner.record), []);
    inNetworkNamespace(inner.record.namespacePath ?? '', () => {
      using route = RouteSocket.open();
      const gateway = parseIp(networks.inspect('inner').network.pools[0]?.gateway ?? '');
      route.request(replaceRoute({ index: route.linkIndex('eth0'), gateway }));
    });
    assert.equal(
      await inner.peer.askInVain(addressOn(server, 'front'), 80),
      'timeout',
      'by a route of its own',
    );
  });

  test('connected and disconnected while it runs, in any order; ports and default route follow', async () => {
    await createTwo();
    const before = hostState(directory);
    let web = await networks.acquire(requestFor('web', { ports: [port('80/tcp', 8080)] }));
    using peer = await Peer.start('web', web.namespacePath);
    using host = await Peer.start('host');
    await peer.listen(80);
    web = await networks.connect(web.id, { ...attachTo('front'), gatewayPriority: 5 });
    assert.deepEqual(interfaces(web), ['eth0 172.30.0.2/24', 'eth1 10.1.0.2/24']);
    assert.deepEqual(defaultGateways(web), ['10.1.0.1']);
    for (const address of ['127.0.0.1', '::1']) assert.match(await host.ask(address, 8080), /^web /, address);
    await assert.rejects(networks.connect(web.id, attachTo('front')), { reason: 'already-connected' });
    await assert.rejects(networks.connect(web.id, attachTo('none')), { reason: 'network-stands-alone' });
    web = await networks.connect(web.id, attachTo('back'));
    web = await networks.disconnect(web.id, 'bridge');
    await assert.rejects(networks.disconnect(web.id, 'bridge'), { reason: 'not-connected' });
    assert.deepEqual(interfaces(web), ['eth1 10.1.0.2/24', 'eth2 10.2.0.2/24']);
    for (const address of ['127.0.0.1', '::1']) assert.match(await host.ask(address, 8080), /^web /, address);
    web = await networks.disconnect(web.id, 'front');
    assert.deepEqual(interfaces(web), ['eth2 10.2.0.2/24']);
    assert.deepEqual(defaultGateways(web), ['10.2.0.1']);
    for (const address of ['127.0.0.1', '::1']) assert.match(await host.ask(address, 8080), /^web /, address);
    web = await networks.connect(web.id, attachTo('bridge'));
    const [first, second] = interfaces(web).toSorted();
    assert.match(`${first} ${second}`, /^eth0 172\.30\.0\.[23]\/24 eth2 10\.2\.0\.2\/24$/);
    web = await networks.disconnect(web.id, 'back');
    web = await networks.disconnect(web.id, 'bridge');
    assert.deepEqual([web.endpoints, web.publications, interfaces(web)], [[], [], []]);
    assert.equal(await host.ask('127.0.0.1', 8080), 'ECONNREFUSED');
    networks.release(web);
    await until(
      () => JSON.stringify(hostState(directory)) === JSON.stringify(before),
      'the host is as before',
    );
  });

  test('a restart in between: everything is adopted, and goes on', async () => {
    await createTwo();
    const spec = { ports: [port('80/tcp', 8080)], ...on('front', 'back') };
    let web = await networks.acquire(requestFor('web', spec));
    const other = await networks.acquire(requestFor('other', on('back')));
    const gone = await networks.acquire(requestFor('gone', on('front')));
    using peer = await Peer.start('web', web.namespacePath);
    using fromOther = await Peer.start('other', other.namespacePath);
    using host = await Peer.start('host');
    await peer.listen(80);
    const former = networks.list({ isBuiltIn: false });
    await networks[Symbol.asyncDispose]();
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    await start([web, other].map((record): SandboxRecord => JSON.parse(JSON.stringify(record))));
    assert.deepEqual(
      networks.list({ isBuiltIn: false }).map(({ network }) => network),
      former.map(({ network }) => network),
    );
    assert.deepEqual(
      networks.inspect('front').members.map(({ sandboxId }) => sandboxId),
      [web.id],
    );
    await until(() => linkNames().length === 6, `three bridges and three cables: ${linkNames().join(' ')}`);
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    assert.equal(await fromOther.resolve('web'), JSON.stringify([addressOn(web, 'back')]));
    const next = await networks.acquire(requestFor('next', on('back')));
    assert.ok(![addressOn(web, 'back'), addressOn(other, 'back')].includes(addressOn(next, 'back')));
    web = await networks.disconnect(web.id, 'back');
    assert.deepEqual(defaultGateways(web), ['10.1.0.1']);
    assert.equal(await fromOther.resolve('web'), 'ESERVFAIL');
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    for (const record of [gone, web, other, next]) networks.release(record);
    const removed = await networks.prune({});
    assert.deepEqual(removed, ['front', 'back']);
    assert.deepEqual(
      events.filter(({ action }) => action === 'prune').map(({ attributes }) => attributes),
      [{ reclaimed: '0' }],
    );
  });

  test('a crash between the end of an endpoint and its record: the endpoint is taken back', async () => {
    await createTwo();
    const web = await networks.acquire(
      requestFor('web', { ports: [port('80/tcp', 8080)], ...on('back', 'front') }),
    );
    const before = [interfaces(web), defaultGateways(web)];
    await networks.disconnect(web.id, 'back');
    await networks.disconnect(web.id, 'front');
    assert.deepEqual(interfaces(web), []);
    await networks[Symbol.asyncDispose]();
    await start([web]);
    await until(
      () => isDeepStrictEqual([interfaces(web), defaultGateways(web)], before),
      () => `${interfaces(web).join(', ')} as before`,
    );
    using peer = await Peer.start('web', web.namespacePath);
    using host = await Peer.start('host');
    await peer.listen(80);
    for (const network of ['front', 'back']) {
      assert.match(await host.ask(addressOn(web, network), 80), /^web /, network);
    }
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
  });

  test('a network whose bridge was taken away is made anew at the next start', async () => {
    await createTwo();
    const web = await networks.acquire(requestFor('web', on('front')));
    const other = await networks.acquire(requestFor('other', on('front')));
    await networks[Symbol.asyncDispose]();
    for (const name of linkNames().filter((link) => link.startsWith('br-'))) deleteBridge(name);
    await start([web, other]);
    using peer = await Peer.start('web', web.namespacePath);
    using fromOther = await Peer.start('other', other.namespacePath);
    await peer.listen(80);
    assert.match(await fromOther.ask(addressOn(web, 'front'), 80), /^web /);
  });

  test('what users create and prune asks for', async () => {
    await networks.create({ ...newNetwork('kept'), labels: { keep: 'yes' } });
    const used = await networks.create({ ...newNetwork('used') });
    await networks.create(newNetwork('young'));
    const web = await networks.acquire(requestFor('web', on('used')));
    const createdBefore = new Date(Date.parse(used.createdAt) - 3_600_000);
    assert.deepEqual(await networks.prune({ createdBefore }), []);
    assert.deepEqual(await networks.prune({ lacksLabels: ['keep'] }), ['young']);
    networks.release(web);
    assert.deepEqual(await networks.prune({ labels: ['keep=yes'] }), ['kept']);
    assert.deepEqual(await networks.prune({}), ['used']);
  });
}
