import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { after, beforeEach, afterEach, describe, test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { until } from '#base/testing.ts';
import type { DomainEvent } from '#base/event.ts';
import type { EndpointSettings } from '#wire/network.ts';
import { closeFd } from '#linux/descriptors.ts';
import { bindInetSocket } from '#linux/inet-socket.ts';
import { isMountPoint, listMounts } from '#linux/mount.ts';
import { inNetworkNamespace } from '#linux/namespaces.ts';
import { Nftables } from '#linux/nftables.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { addRoute, deleteAddress } from '#linux/rtnetlink-messages.ts';
import { NO_ENDPOINT } from './endpoint.ts';
import type { Networks, SandboxRecord } from './network.ts';
import { readSysctl, writeSysctls } from './sysctl.ts';
import {
  linkNames,
  onPrivateHost,
  Peer,
  requestFor,
  startNetworks,
  TABLE,
  temporaryDirectory,
} from './testing.ts';

if (onPrivateHost(import.meta.filename)) {
  describe('networks of one engine', suite);
}

function endpointOf(record: SandboxRecord, network = 'bridge'): EndpointSettings {
  return record.endpoints[network] ?? NO_ENDPOINT;
}

function publish(key: string, HostPort: string, HostIp = '') {
  return { portBindings: { [key]: [{ HostIp, HostPort }] } };
}

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

  test('a sandbox on the bridge', async () => {
    const extraHosts = ['up:host-gateway'];
    const record = await networks.acquire(
      requestFor('web', { hostname: 'h', domainname: 'd.x', extraHosts }),
    );
    const { EndpointID, NetworkID, ...endpoint } = endpointOf(record);
    assert.deepEqual(endpoint, {
      IPAMConfig: null,
      Links: null,
      Aliases: null,
      MacAddress: '02:42:ac:1e:00:02',
      DriverOpts: null,
      Gateway: '172.30.0.1',
      IPAddress: '172.30.0.2',
      IPPrefixLen: 24,
      IPv6Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      DNSNames: null,
    });
    assert.match(EndpointID, /^[0-9a-f]{64}$/);
    assert.equal(NetworkID, networks.inspect('bridge').Id);
    assert.match(record.hostsFile, /\n172\.30\.0\.1\tup\n172\.30\.0\.2\th\.d\.x h\n$/);
    assert.match(record.resolvConf, /^nameserver 127\.0\.0\.11$/m);
    assert.deepEqual(record.ports, {});
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
    const sysctls = {
      'net.ipv4.ip_unprivileged_port_start': '80',
      'net.core.somaxconn': '99',
      'kernel.shmmni': '1',
    };
    const record = await networks.acquire(requestFor('a', { macAddress, sysctls }));
    assert.equal(endpointOf(record).MacAddress, macAddress);
    const read = (key: string) => inNetworkNamespace(record.namespacePath ?? '', () => readSysctl(key));
    assert.equal(read('net.ipv4.ip_unprivileged_port_start'), '80');
    assert.equal(read('net.core.somaxconn'), '99');
    assert.equal(read('net.ipv4.ping_group_range'), '0\t2147483647');
    assert.notEqual(readSysctl('kernel.shmmni'), '1');
  });

  test('the default settings are those of dockerd', async () => {
    for (const mode of ['bridge', 'none']) {
      const record = await networks.acquire(requestFor(mode, { mode }));
      const value = inNetworkNamespace(record.namespacePath ?? '', () =>
        readSysctl('net.ipv4.ip_unprivileged_port_start'),
      );
      assert.equal(value, '0', mode);
    }
  });

  test('without a network, and with the host’s', async () => {
    const none = await networks.acquire(requestFor('none', { mode: 'none' }));
    assert.equal(endpointOf(none, 'none').IPAddress, '');
    const links = inNetworkNamespace(none.namespacePath ?? '', () => {
      using route = RouteSocket.open();
      return route.listLinks().filter(({ up }) => up);
    });
    assert.deepEqual(
      links.map(({ name }) => name),
      ['lo'],
    );
    assert.match(none.resolvConf, /^nameserver 127\.0\.0\.1$/m);
    const host = await networks.acquire(requestFor('host', { mode: 'host', ...publish('80/tcp', '8080') }));
    assert.equal(host.namespacePath, undefined);
    assert.deepEqual(host.ports, {});
    assert.equal(host.hostsFile, readFileSync('/etc/hosts', 'utf8'));
    assert.equal(host.resolvConf, readFileSync('/etc/resolv.conf', 'utf8'));
    assert.deepEqual(Object.keys(networks.inspect('host').Containers), [host.containerId]);
  });

  test('comings and goings are told', async () => {
    for (const [mode, type] of [
      ['default', 'bridge'],
      ['none', 'null'],
      ['host', 'host'],
    ] as const) {
      const name = mode === 'default' ? 'bridge' : mode;
      const record = await networks.acquire(requestFor(mode, { mode }));
      networks.release(record);
      const attributes = { container: record.containerId, name, type };
      const id = networks.inspect(name).Id;
      assert.deepEqual(events.splice(0), [
        { type: 'network', action: 'connect', id, attributes },
        { type: 'network', action: 'disconnect', id, attributes },
      ]);
    }
  });

  test('a network that does not exist, and a second one', async () => {
    await assert.rejects(networks.acquire(requestFor('a', { mode: 'nope' })), {
      code: 'not-found',
      message: 'network nope not found',
    });
    const endpoints = { bridge: NO_ENDPOINT, none: NO_ENDPOINT };
    await assert.rejects(networks.acquire(requestFor('a', { endpoints })), { code: 'invalid' });
    assert.deepEqual(events, []);
  });

  test('what fails leaves nothing behind', async () => {
    const sysctls = { 'net.ipv4.nonsense': '1' };
    await assert.rejects(networks.acquire(requestFor('a', { sysctls })), { code: 'invalid' });
    await assert.rejects(networks.acquire(requestFor('a', { mode: 'none', sysctls })), { code: 'invalid' });
    const portBindings = {
      '80/tcp': [
        { HostIp: '', HostPort: '8080' },
        { HostIp: '192.0.2.77', HostPort: '80' },
      ],
    };
    await assert.rejects(networks.acquire(requestFor('a', { portBindings })), {
      code: 'internal',
      message:
        /^driver failed programming external connectivity on endpoint a \([0-9a-f]{64}\): Error starting userland proxy: listen tcp4 192\.0\.2\.77:80: bind: cannot assign requested address$/,
    });
    await setImmediate();
    assert.deepEqual(namespaces(), []);
    closeFd(bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080 }));
    assert.deepEqual(networks.inspect('bridge').Containers, {});
  });

  test('a published port is ours alone, and free afterwards', async () => {
    const request = requestFor('a', { ...publish('80/tcp', '8080'), exposedPorts: ['80/tcp', '90/udp'] });
    const record = await networks.acquire(request);
    assert.deepEqual(record.ports, {
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '::', HostPort: '8080' },
      ],
      '90/udp': null,
    });
    for (const options of [
      { address: '0.0.0.0', reuseAddress: true },
      { address: '127.0.0.1', reuseAddress: true },
      { address: '::', reuseAddress: true },
    ]) {
      const bind = () => bindInetSocket({ protocol: 'tcp', port: 8080, ...options });
      assert.throws(bind, { errno: 'EADDRINUSE' }, options.address);
    }
    await assert.rejects(networks.acquire(requestFor('b', publish('80/tcp', '8080'))), {
      code: 'internal',
      message: /on endpoint b \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/,
    });
    await assert.rejects(networks.acquire(requestFor('c', publish('80/tcp', '8080', '127.0.0.1'))), {
      message:
        /: Error starting userland proxy: listen tcp4 127\.0\.0\.1:8080: bind: address already in use$/,
    });
    networks.release(record);
    closeFd(bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8080 }));
    networks.release(await networks.acquire(request));
  });

  test('a port of the host is respected, and passed over where there is a choice', async () => {
    const fd = bindInetSocket({ protocol: 'tcp', address: '0.0.0.0', port: 8081, backlog: 1 });
    stack.defer(() => closeFd(fd));
    await assert.rejects(networks.acquire(requestFor('a', publish('80/tcp', '8081'))), {
      message: /: Error starting userland proxy: listen tcp4 0\.0\.0\.0:8081: bind: address already in use$/,
    });
    const record = await networks.acquire(requestFor('b', publish('80/tcp', '8081-8082', '0.0.0.0')));
    assert.deepEqual(record.ports, { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8082' }] });
  });

  test('free choice, for what is exposed too', async () => {
    const record = await networks.acquire(
      requestFor('a', { exposedPorts: ['80/tcp', '53/udp'], publishAll: true }),
    );
    const port = Number(record.ports['80/tcp']?.[0]?.HostPort);
    assert.ok(port >= 32_768, `port ${port}`);
    assert.equal(record.ports['53/udp']?.length, 2);
  });

  test('names resolve on the network, and the rest on the host', async () => {
    await using upstream = await serveNames({ 'example.org': '192.0.2.1' });
    const web = await networks.acquire(requestFor('web', { hostname: 'shop', domainname: 'test' }));
    const other = await networks.acquire(requestFor('other'));
    using peer = await Peer.start('other', other.namespacePath);
    const address = endpointOf(web).IPAddress;
    for (const name of ['web', 'WEB', 'shop', 'shop.test', 'web.bridge', web.containerId.slice(0, 12)]) {
      assert.equal(await peer.resolve(name), `["${address}"]`, name);
    }
    assert.equal(await peer.resolve('web', 'AAAA'), 'ENODATA');
    assert.equal(await peer.resolve('2.0.30.172.in-addr.arpa', 'PTR'), '["web.bridge"]');
    assert.equal(upstream.asked.length, 0);
    assert.equal(await peer.resolve('example.org'), '["192.0.2.1"]');
    assert.equal(await peer.resolve('nowhere.org'), 'ENOTFOUND');
    networks.rename(web.containerId, 'store');
    assert.equal(await peer.resolve('store'), `["${address}"]`);
    assert.equal(await peer.resolve('web'), 'ENOTFOUND');
    assert.equal(networks.inspect('bridge').Containers[web.containerId]?.Name, 'store');
    networks.release(web);
    assert.equal(await peer.resolve('store'), 'ENOTFOUND');
  });

  test('a server that does not answer is a failure in time', async () => {
    const record = await networks.acquire(requestFor('a', { dns: ['127.0.0.77'] }));
    using peer = await Peer.start('a', record.namespacePath);
    assert.equal(await peer.resolve('example.org'), 'ESERVFAIL');
  });

  test('a firewall that somebody flushed is written anew', async () => {
    const record = await networks.acquire(requestFor('web', publish('80/tcp', '8080')));
    using web = await Peer.start('web', record.namespacePath);
    using host = await Peer.start('host');
    await web.listen(80);
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
    using nftables = Nftables.open();
    nftables.run('flush ruleset');
    assert.equal(await host.ask('127.0.0.1', 8080), 'ECONNREFUSED');
    await networks.acquire(requestFor('other', publish('80/tcp', '8081')));
    assert.match(await host.ask('127.0.0.1', 8080), /^web /);
  });

  test('a client that talks all the time reaches whoever has the port now', async () => {
    using host = await Peer.start('host');
    const ask = () => host.do({ do: 'ask', protocol: 'udp', host: '127.0.0.1', port: 5353, fromPort: 5000 });
    assert.equal(await ask(), 'ECONNREFUSED');
    for (const name of ['first', 'second']) {
      const record = await networks.acquire(requestFor(name, publish('53/udp', '5353')));
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
    const record = await networks.acquire(requestFor('web', publish('80/tcp', '8080')));
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

  test('the built-in networks as clients see them', () => {
    const list = networks.list();
    assert.deepEqual(
      list.map(({ Name, Driver }) => `${Name} ${Driver}`),
      ['bridge bridge', 'host host', 'none null'],
    );
    const { Id, Created, ...bridge } = networks.inspect('bridge');
    assert.match(Id, /^[0-9a-f]{64}$/);
    assert.ok(Date.parse(Created) > Date.now() - 60_000);
    assert.deepEqual(bridge, {
      Name: 'bridge',
      Scope: 'local',
      Driver: 'bridge',
      EnableIPv4: true,
      EnableIPv6: false,
      IPAM: {
        Driver: 'default',
        Options: null,
        Config: [{ Subnet: '172.30.0.0/24', Gateway: '172.30.0.1' }],
      },
      Internal: false,
      Attachable: false,
      Ingress: false,
      ConfigFrom: { Network: '' },
      ConfigOnly: false,
      Containers: {},
      Options: {
        'com.docker.network.bridge.default_bridge': 'true',
        'com.docker.network.bridge.enable_icc': 'true',
        'com.docker.network.bridge.enable_ip_masquerade': 'true',
        'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
        'com.docker.network.bridge.name': 'cntest0',
        'com.docker.network.driver.mtu': '1500',
      },
      Labels: {},
    });
    assert.equal(networks.inspect(Id.slice(0, 12)).Name, 'bridge');
    assert.throws(() => networks.inspect('nosuch'), {
      code: 'not-found',
      message: 'network nosuch not found',
    });
    assert.throws(() => networks.inspect(''), { code: 'not-found' });
  });

  test('what a container will have before it runs', () => {
    assert.deepEqual(networks.plannedEndpoints('default', { default: NO_ENDPOINT }), { bridge: NO_ENDPOINT });
    assert.deepEqual(networks.plannedEndpoints('host', {}), { host: NO_ENDPOINT });
    assert.deepEqual(networks.plannedEndpoints('container:x', {}), {});
    const own = { ...NO_ENDPOINT, Aliases: ['al'] };
    assert.deepEqual(networks.plannedEndpoints('nn', { nn: own }), { nn: own });
  });

  test('without a firewall, proxies carry published ports', async () => {
    using temporary = temporaryDirectory();
    const names = { bridgeName: 'cntest2', tableName: `${TABLE}2`, bridgeAddress: '172.30.2.1/24' };
    const plain = await startNetworks(temporary.path, { ...names, iptables: false });
    const record = await plain.acquire(requestFor('web', publish('80/tcp', '8090')));
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
    addRoute({ index, destination: { address: '127.0.0.1', prefixLength: 32 }, gateway: '172.30.0.1' }),
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
