import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, afterEach, describe, test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { until } from '#base/testing.ts';
import type { DomainEvent } from '#base/event.ts';
import { closeFd } from '#linux/descriptors.ts';
import { bindInetSocket } from '#linux/inet-socket.ts';
import { isMountPoint } from '#linux/mount.ts';
import { listMounts } from '#linux/mountinfo.ts';
import { inNetworkNamespace } from '#linux/namespaces.ts';
import { Nftables } from '#linux/nftables.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { replaceRoute, deleteAddress } from '#linux/rtnetlink-messages.ts';
import { attachTo } from './attachment.ts';
import type { Endpoint, Networks, SandboxRecord } from './network.ts';
import { publicationKey } from './publication.ts';
import { readSysctl, writeSysctls } from './sysctl.ts';
import {
  addressOn,
  linkNames,
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
  describe('networks of one engine', suite);
}

function endpointOf({ endpoints }: SandboxRecord): Endpoint {
  const [endpoint, ...others] = endpoints;
  assert.ok(endpoint && others.length === 0);
  return endpoint;
}

const filesIn = (path: string) => ({
  hosts: join(path, 'hosts'),
  resolvConf: join(path, 'resolv.conf'),
  hostname: join(path, 'hostname'),
});

const read = (path: string) => readFileSync(path, 'utf8');

function suite(): void {
  const events: DomainEvent[] = [];
  let stack: AsyncDisposableStack;
  let directory: string;
  let networks: Networks;

  beforeEach(async () => {
    events.length = 0;
    stack = new AsyncDisposableStack();
    directory = stack.use(temporaryDirectory()).path;
    networks = await startNetworks(directory, { emit: (event) => void events.push(event) });
    stack.defer(() => networks.destroy());
  });

  afterEach(async () => {
    await stack.disposeAsync();
    await until(() => linkNames().length === 0, 'no links');
  });

  after(() => {
    using nftables = Nftables.open();
    assert.equal(nftables.run('list tables'), '');
    const left = listMounts().filter(({ target }) => target.includes('/caisson-network-'));
    assert.deepEqual(left, []);
  });

  const namespaces = () => readdirSync(`${directory}/namespaces`);
  const membersOf = (network: string) => networks.inspect(network).members.map(({ name }) => name);

  test("the host's end of a pair gets no address by itself", async () => {
    await networks.acquire(requestFor('web'));
    using route = RouteSocket.open();
    const [end, ...others] = route.listLinks().filter(({ kind }) => kind === 'veth');
    assert.ok(end && others.length === 0);
    assert.deepEqual(
      route.listAddresses().filter(({ index }) => index === end.index),
      [],
    );
  });

  test('a sandbox on the bridge', async () => {
    const files = filesIn(directory);
    const names = { hostname: 'h', domainname: 'd.x' };
    const record = await networks.acquire(
      requestFor('web', { ...names, extraHosts: ['up:host-gateway'], files }),
    );
    const { id, networkId, linkSuffix, ...endpoint } = endpointOf(record);
    assert.deepEqual(endpoint, {
      networkName: 'bridge',
      addresses: [{ address: '172.30.0.2', prefixLength: 24 }],
      gateways: ['172.30.0.1'],
      macAddress: '02:42:ac:1e:00:02',
      interfaceName: 'eth0',
      attachment: attachTo('bridge'),
    });
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(linkSuffix, id.slice(0, 8));
    assert.equal(networkId, networks.inspect('bridge').network.id);
    assert.match(read(files.hosts), /\n172\.30\.0\.1\tup\n172\.30\.0\.2\th\.d\.x h\n$/);
    assert.match(read(files.resolvConf), /^nameserver 127\.0\.0\.11$/m);
    assert.equal(read(files.hostname), 'h\n');
    assert.deepEqual(record.publications, []);
    assert.deepEqual(JSON.parse(JSON.stringify(record)), record);
    const inside = inNetworkNamespace(record.namespacePath ?? '', () => {
      using route = RouteSocket.open();
      return {
        link: route.link('eth0'),
        routes: route.listRoutes().filter(({ family }) => family === 'ipv4'),
      };
    });
    assert.deepEqual([inside.link.macAddress, inside.link.up], ['02:42:ac:1e:00:02', true]);
    assert.deepEqual(
      inside.routes.map(({ destination, gateway }) => [destination, gateway]),
      [
        ['0.0.0.0', '172.30.0.1'],
        ['172.30.0.0', undefined],
      ],
    );
    networks.release(record);
    networks.release(record);
    await setImmediate();
    assert.deepEqual(namespaces(), []);
  });

  test('MAC addresses and settings that were asked for', async () => {
    const macAddress = '02:42:00:00:00:99';
    const attachments = [{ ...attachTo('bridge'), macAddress }];
    const sysctls = {
      'net.ipv4.ip_unprivileged_port_start': '80',
      'net.core.somaxconn': '99',
      'kernel.shmmni': '1',
    };
    const record = await networks.acquire(requestFor('a', { attachments, sysctls }));
    assert.equal(endpointOf(record).macAddress, macAddress);
    const read = (key: string) => inNetworkNamespace(record.namespacePath ?? '', () => readSysctl(key));
    assert.equal(read('net.ipv4.ip_unprivileged_port_start'), '80');
    assert.equal(read('net.core.somaxconn'), '99');
    assert.equal(read('net.ipv4.ping_group_range'), '0\t2147483647');
    assert.notEqual(readSysctl('kernel.shmmni'), '1');
  });

  test('the default settings are those of dockerd', async () => {
    for (const mode of ['bridge', 'none']) {
      const record = await networks.acquire(requestFor(mode, on(mode)));
      const value = inNetworkNamespace(record.namespacePath ?? '', () =>
        readSysctl('net.ipv4.ip_unprivileged_port_start'),
      );
      assert.equal(value, '0', mode);
    }
  });

  test('without a network, and with the host’s', async () => {
    const files = filesIn(directory);
    const none = await networks.acquire(requestFor('none', { ...on('none'), files }));
    assert.deepEqual(endpointOf(none).addresses, []);
    const links = inNetworkNamespace(none.namespacePath ?? '', () => {
      using route = RouteSocket.open();
      return route.listLinks().filter(({ up }) => up);
    });
    assert.deepEqual(
      links.map(({ name }) => name),
      ['lo'],
    );
    assert.match(read(files.resolvConf), /^nameserver 127\.0\.0\.1$/m);
    const ports = [port('80/tcp', 8080)];
    const host = await networks.acquire(requestFor('host', { ...on('host'), ports, files }));
    assert.equal(host.namespacePath, undefined);
    assert.deepEqual(host.publications, []);
    assert.equal(read(files.hosts), read('/etc/hosts'));
    assert.equal(read(files.resolvConf), read('/etc/resolv.conf'));
    assert.deepEqual(membersOf('host'), ['host']);
  });

  test('comings and goings are told', async () => {
    for (const [name, type] of [
      ['bridge', 'bridge'],
      ['none', 'null'],
      ['host', 'host'],
    ] as const) {
      const record = await networks.acquire(requestFor(name, on(name)));
      networks.release(record);
      const attributes = { container: record.id, name, type };
      const { id } = networks.inspect(name).network;
      assert.deepEqual(events.splice(0), [
        { type: 'network', action: 'connect', id, attributes },
        { type: 'network', action: 'disconnect', id, attributes },
      ]);
    }
  });

  test('a network that does not exist, and one that stands alone', async () => {
    await assert.rejects(networks.acquire(requestFor('a', on('nope'))), {
      code: 'not-found',
      reason: 'no-such-network',
      subject: 'nope',
    });
    for (const alone of ['none', 'host']) {
      await assert.rejects(networks.acquire(requestFor('a', on('bridge', alone))), {
        reason: 'network-stands-alone',
        subject: alone,
      });
    }
    assert.deepEqual(events, []);
  });

  test('what fails leaves nothing behind', async () => {
    const sysctls = { 'net.ipv4.nonsense': '1' };
    await assert.rejects(networks.acquire(requestFor('a', { sysctls })), { code: 'invalid' });
    await assert.rejects(networks.acquire(requestFor('a', { ...on('none'), sysctls })), { code: 'invalid' });
    const ports = [port('80/tcp', 8080), port('80/tcp', 80, '192.0.2.77')];
    await assert.rejects(networks.acquire(requestFor('a', { ports })), {
      code: 'conflict',
      reason: 'publish-failed',
      subject: /^a \([0-9a-f]{64}\)$/,
      message:
        /: Error starting userland proxy: listen tcp4 192\.0\.2\.77:80: bind: cannot assign requested address$/,
    });
    await setImmediate();
    assert.deepEqual(namespaces(), []);
    closeFd(bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080 }));
    assert.deepEqual(membersOf('bridge'), []);
  });

  test('a published port is ours alone, and free afterwards', async () => {
    const request = requestFor('a', { ports: [port('80/tcp', 8080)] });
    const record = await networks.acquire(request);
    const everywhere = { port: 80, protocol: 'tcp', hostPort: 8080 };
    assert.deepEqual(record.publications, [
      { ...everywhere, hostAddress: '0.0.0.0' },
      { ...everywhere, hostAddress: '::' },
    ]);
    for (const options of [
      { address: '0.0.0.0', reuseAddress: true },
      { address: '127.0.0.1', reuseAddress: true },
      { address: '::', reuseAddress: true },
    ]) {
      const bind = () => bindInetSocket({ protocol: 'tcp', port: 8080, ...options });
      assert.throws(bind, { errno: 'EADDRINUSE' }, options.address);
    }
    await assert.rejects(networks.acquire(requestFor('b', { ports: [port('80/tcp', 8080)] })), {
      code: 'conflict',
      message: /b \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/,
    });
    await assert.rejects(networks.acquire(requestFor('c', { ports: [port('80/tcp', 8080, '127.0.0.1')] })), {
      message:
        /: Error starting userland proxy: listen tcp4 127\.0\.0\.1:8080: bind: address already in use$/,
    });
    networks.release(record);
    closeFd(bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080 }));
    networks.release(await networks.acquire(request));
  });

  test('ports are opened and closed one by one while the container runs', async () => {
    let record = await networks.acquire(requestFor('web'));
    using web = await Peer.start('web', record.namespacePath);
    using host = await Peer.start('host');
    await web.listen(80);
    record = networks.publish(record.id, [
      port('80/tcp', 8080, '127.0.0.1'),
      port('80/tcp', 8081, '127.0.0.1'),
    ]);
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    assert.throws(() => networks.publish(record.id, [port('81/tcp', 8082), port('80/tcp', 8081)]), {
      reason: 'publish-failed',
    });
    closeFd(bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8082 }));
    const [first] = record.publications;
    assert.ok(first);
    for (let again = 0; again < 2; again++) record = networks.unpublish(record.id, publicationKey(first));
    assert.equal(await host.ask('127.0.0.1', 8080), 'ECONNREFUSED');
    assert.match(await host.ask('127.0.0.1', 8081), /^web /);
    assert.deepEqual(
      record.publications.map(({ hostPort }) => hostPort),
      [8081],
    );
    closeFd(bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080 }));
  });

  test('a port of the host is respected, and passed over where there is a choice', async () => {
    const fd = bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8081, backlog: 1 });
    stack.defer(() => closeFd(fd));
    await assert.rejects(networks.acquire(requestFor('a', { ports: [port('80/tcp', 8081)] })), {
      message: /: Error starting userland proxy: listen tcp4 0\.0\.0\.0:8081: bind: address already in use$/,
    });
    const ports = [port('80/tcp', [8081, 8082], '0.0.0.0')];
    const record = await networks.acquire(requestFor('b', { ports }));
    assert.deepEqual(
      record.publications.map(({ hostPort }) => hostPort),
      [8082],
    );
  });

  test('a free choice does not take what is named beside it', async () => {
    const first = await networks.acquire(requestFor('a', { ports: [port('80/tcp')] }));
    const [chosen] = first.publications;
    assert.ok(chosen && chosen.hostPort >= 32_768, `port ${chosen?.hostPort}`);
    networks.release(first);
    const named = chosen.hostPort + 1;
    const ports = [port('53/udp'), port('80/tcp'), port('80/tcp', named)];
    const second = await networks.acquire(requestFor('b', { ports }));
    const taken = second.publications.map(({ protocol, hostAddress, hostPort }) =>
      [protocol, hostAddress, hostPort].join(' '),
    );
    assert.equal(new Set(taken).size, 6);
    assert.ok(taken.includes(`tcp 0.0.0.0 ${named}`));
  });

  test('names resolve on the network, and the rest on the host', async () => {
    await using upstream = await serveNames({ 'example.org': '192.0.2.1', 'shop.test': '192.0.2.2' });
    const web = await networks.acquire(requestFor('web', { hostname: 'shop', domainname: 'test' }));
    const other = await networks.acquire(requestFor('other'));
    using peer = await Peer.start('other', other.namespacePath);
    for (const name of ['web', 'WEB', 'web.bridge', web.id.slice(0, 12)]) {
      assert.equal(await peer.resolve(name), `["${addressOn(web)}"]`, name);
    }
    assert.equal(await peer.resolve('web', 'AAAA'), 'ENODATA');
    assert.equal(await peer.resolve('2.0.30.172.in-addr.arpa', 'PTR'), '["web.bridge"]');
    assert.equal(upstream.asked.length, 0);
    assert.equal(await peer.resolve('example.org'), '["192.0.2.1"]');
    assert.equal(await peer.resolve('nowhere.org'), 'ENOTFOUND');
    assert.equal(
      await peer.resolve('shop.test'),
      '["192.0.2.2"]',
      'a host name does not stand for the public DNS',
    );
    networks.rename(web.id, 'store');
    assert.equal(await peer.resolve('store'), `["${addressOn(web)}"]`);
    assert.equal(await peer.resolve('web'), 'ENOTFOUND');
    assert.deepEqual(membersOf('bridge').toSorted(), ['other', 'store']);
    networks.release(web);
    assert.equal(await peer.resolve('store'), 'ENOTFOUND');
  });

  test('a server that does not answer is a failure in time', async () => {
    const record = await networks.acquire(requestFor('a', { dnsServers: ['127.0.0.77'] }));
    using peer = await Peer.start('a', record.namespacePath);
    assert.equal(await peer.resolve('example.org'), 'ESERVFAIL');
  });

  test('a firewall that was flushed from outside is written anew', async () => {
    const record = await networks.acquire(requestFor('web', { ports: [port('80/tcp', 8080)] }));
    using web = await Peer.start('web', record.namespacePath);
    using host = await Peer.start('host');
    await web.listen(80);
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    using nftables = Nftables.open();
    nftables.run('flush ruleset');
    assert.equal(await host.ask('127.0.0.1', 8080), 'ECONNREFUSED');
    await networks.acquire(requestFor('other', { ports: [port('80/tcp', 8081)] }));
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
  });

  test('a client that talks all the time reaches the container that has the port now', async () => {
    using host = await Peer.start('host');
    const ask = () => host.do({ do: 'ask', protocol: 'udp', host: '127.0.0.1', port: 5353, fromPort: 5000 });
    assert.equal(await ask(), 'ECONNREFUSED');
    for (const name of ['first', 'second']) {
      const record = await networks.acquire(requestFor(name, { ports: [port('53/udp', 5353)] }));
      using peer = await Peer.start(name, record.namespacePath);
      await peer.listen(53, 'udp');
      assert.match(await ask(), new RegExp(`^${name} `));
      networks.release(record);
    }
  });

  test('connections of an earlier server that are closing do not stand in the way of a port', async () => {
    const server = createServer((socket) => socket.end('bye')).listen(8080, '0.0.0.0');
    await once(server, 'listening');
    const client = connect(8080, '127.0.0.1').resume();
    await once(client, 'close');
    server.close();
    await once(server, 'close');
    assert.throws(() => bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080 }), {
      errno: 'EADDRINUSE',
    });
    const record = await networks.acquire(requestFor('web', { ports: [port('80/tcp', 8080)] }));
    using web = await Peer.start('web', record.namespacePath);
    using host = await Peer.start('host');
    await web.listen(80);
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
  });

  test('a container does not reach the host’s loopback', async () => {
    const server = createServer((socket) => socket.end('secret')).listen(8080, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => void server.close());
    const record = await networks.acquire(requestFor('a'));
    inNetworkNamespace(record.namespacePath ?? '', redirectLoopback);
    using peer = await Peer.start('a', record.namespacePath);
    assert.equal(await peer.askInVain('127.0.0.1', 8080), 'timeout');
    using nftables = Nftables.open();
    nftables.run(`flush chain inet ${TABLE} raw_prerouting`);
    assert.equal(await peer.ask('127.0.0.1', 8080), 'secret', 'the test itself');
  });

  test('the built-in networks are records', () => {
    const list = networks.list().map(({ network }) => network);
    assert.deepEqual(
      list.map(({ name, driver, isBuiltIn }) => [name, driver.kind, isBuiltIn]),
      [
        ['bridge', 'bridge', true],
        ['host', 'host', true],
        ['none', 'null', true],
      ],
    );
    const { id, createdAt, ...bridge } = networks.inspect('bridge').network;
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.ok(Date.parse(createdAt) > Date.now() - 600_000);
    assert.deepEqual(bridge, {
      name: 'bridge',
      isBuiltIn: true,
      driver: {
        kind: 'bridge',
        linkName: 'cntest0',
        mtu: 1500,
        icc: true,
        masquerades: true,
        bindAddress: '0.0.0.0',
      },
      pools: [{ subnet: '172.30.0.0/24', gateway: '172.30.0.1' }],
      isInternal: false,
      isAttachable: false,
      labels: {},
      askedOptions: {},
    });
    assert.equal(networks.inspect(id.slice(0, 12)).network.name, 'bridge');
    assert.throws(() => networks.inspect('nosuch'), { reason: 'no-such-network', subject: 'nosuch' });
    assert.throws(() => networks.inspect(''), { code: 'not-found' });
  });

  test('without a firewall, proxies carry published ports', async () => {
    using temporary = temporaryDirectory();
    const names = { bridgeName: 'cntest2', tableName: `${TABLE}2`, bridgeAddress: '172.30.2.1/24' };
    const plain = await startNetworks(temporary.path, { ...names, iptables: false });
    const record = await plain.acquire(requestFor('web', { ports: [port('80/tcp', 8090)] }));
    using web = await Peer.start('web', record.namespacePath);
    using host = await Peer.start('host');
    await web.listen(80);
    for (const address of ['127.0.0.1', '::1']) assert.match(await host.ask(address, 8090), /^web /, address);
    using nftables = Nftables.open();
    assert.doesNotMatch(nftables.run('list tables'), /test2/);
    await plain.destroy();
  });

  test('the pool fills by itself and goes with the engine', async () => {
    using temporary = temporaryDirectory();
    const { path } = temporary;
    const names = { bridgeName: 'cntest1', tableName: `${TABLE}1`, bridgeAddress: '172.30.1.1/24' };
    const pooled = await startNetworks(path, { ...names, poolSize: 3 });
    const count = () => readdirSync(`${path}/namespaces`).length;
    await until(() => count() === 3, 'a full pool');
    const record = await pooled.acquire(requestFor('a'));
    await until(() => count() === 4, 'a full pool again');
    // What would make more than is wanted would have begun by then.
    await sleep(100);
    assert.equal(count(), 4);
    await pooled[Symbol.asyncDispose]();
    assert.equal(count(), 1);
    assert.ok(record.namespacePath && isMountPoint(record.namespacePath));
    await (await startNetworks(path, { ...names, restore: [record] })).destroy();
    assert.equal(count(), 0);
  });
}

/** What a hostile container does in its namespace: 127.0.0.1 is somewhere else now. */
function redirectLoopback(): void {
  using route = RouteSocket.open();
  const index = route.linkIndex('eth0');
  writeSysctls({ 'net.ipv4.conf.all.route_localnet': '1' });
  route.request(
    deleteAddress({ index: 1, address: '127.0.0.1', prefixLength: 8 }),
    replaceRoute({ index, destination: { address: '127.0.0.1', prefixLength: 32 }, gateway: '172.30.0.1' }),
  );
}

/** A name server on the host's loopback that knows some addresses. */
async function serveNames(names: Readonly<Record<string, string>>) {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, client) => {
    const end = query.indexOf(0, 12) + 5;
    const labels = query.toString('latin1', 13, end - 5).replaceAll(/[^\w-]/g, '.');
    asked.push(labels);
    const address = names[labels];
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(address ? 0x8180 : 0x8183, 2);
    head.writeUInt16BE(address ? 1 : 0, 6);
    head.writeUInt16BE(0, 10);
    const record = Buffer.from([
      0xc0,
      12,
      0,
      1,
      0,
      1,
      0,
      0,
      0,
      9,
      0,
      4,
      ...(address ?? '').split('.').map(Number),
    ]);
    socket.send(address ? Buffer.concat([head, record]) : head, client.port, client.address);
  });
  socket.bind(53, '127.0.0.1');
  await once(socket, 'listening');
  return { asked, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(resolve)) };
}
