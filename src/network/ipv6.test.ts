import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { until } from '#base/testing.ts';
import { parsePrefix } from '#base/ip-prefix.ts';
import { inNetworkNamespace } from '#linux/namespaces.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { replaceRoute } from '#linux/rtnetlink-messages.ts';
import type { Networks, NetworkSpec, SandboxRecord } from './network.ts';
import { readSysctl, writeSysctls } from './sysctl.ts';
import {
  connectOutside,
  linkNames,
  newNetwork,
  on,
  onPrivateHost,
  Peer,
  port,
  requestFor,
  startNetworks,
  temporaryDirectory,
} from './testing.ts';

const HOST = '2001:db8::1';
const OUTSIDE = '2001:db8::2';
const PORTS = [
  port('80/tcp', 8080),
  port('53/udp', 5353),
  port('80/tcp', 8081, '::1'),
  port('80/tcp', 8082, HOST),
];

const FILTER_BRIDGED = 'net.bridge.bridge-nf-call-ip6tables';

if (onPrivateHost(import.meta.filename)) {
  describe('networks with IPv6', () => suite('0'));
  describe('networks with IPv6 beside br_netfilter', () => suite('1'));
  describe('networks with IPv6 beside Docker, which drops what it does not know', () => {
    before(() => {
      for (const rule of ['-N DOCKER-USER', '-P FORWARD DROP', '-I FORWARD -j DOCKER-USER']) ip6tables(rule);
    });
    suite('0');
    after(() => {
      for (const rule of ['-D FORWARD -j DOCKER-USER', '-P FORWARD ACCEPT', '-X DOCKER-USER'])
        ip6tables(rule);
    });
  });
}

function ip6tables(rule: string): void {
  execFileSync('ip6tables', rule.split(' '));
}

function dual(name: string, subnet: string): NetworkSpec {
  return { ...newNetwork(name), pools: [{ family: 'ipv4' }, { subnet: parsePrefix(subnet) }] };
}

function address6({ endpoints }: SandboxRecord): string {
  return (
    endpoints.flatMap(({ addresses }) => addresses).find(({ address }) => address.includes(':'))?.address ??
    ''
  );
}

/** The host routes to containers, and the other machine knows the way to them. */
function letOutsideTry(path: string, destination: string): void {
  inNetworkNamespace(path, () => {
    using route = RouteSocket.open();
    const index = route.linkIndex('eth0');
    route.request(
      replaceRoute({ index, destination: { address: destination, prefixLength: 48 }, gateway: HOST }),
    );
  });
}

function suite(filterBridged: '0' | '1'): void {
  const stack = new AsyncDisposableStack();
  let networks: Networks;
  let web: SandboxRecord;
  let peers: Readonly<Record<'web' | 'beside' | 'elsewhere' | 'outside' | 'host', Peer>>;
  before(async () => {
    if (readSysctl(FILTER_BRIDGED) !== undefined) writeSysctls({ [FILTER_BRIDGED]: filterBridged });
    const directory = stack.use(temporaryDirectory()).path;
    const outside = stack.use(connectOutside(directory));
    letOutsideTry(outside.path, 'fd00:1::');
    networks = await startNetworks(directory);
    stack.defer(() => networks.destroy());
    await networks.create(dual('front', 'fd00:1:0:1::/64'));
    await networks.create(dual('back', 'fd00:1:0:2::/64'));
    web = await networks.acquire(requestFor('web', { ...on('front'), ports: PORTS }));
    const beside = await networks.acquire(requestFor('beside', on('front')));
    const elsewhere = await networks.acquire(requestFor('elsewhere', on('back')));
    const start = async (name: string, path?: string) => stack.use(await Peer.start(name, path));
    peers = {
      web: await start('web', web.namespacePath),
      beside: await start('beside', beside.namespacePath),
      elsewhere: await start('elsewhere', elsewhere.namespacePath),
      outside: await start('outside', outside.path),
      host: await start('host'),
    };
    for (const name of ['web', 'outside'] as const) {
      assert.equal(await peers[name].do({ do: 'listen', protocol: 'tcp', port: 80, host: '::' }), 'ok');
    }
    assert.equal(await peers.web.do({ do: 'listen', protocol: 'udp', port: 53, host: '::' }), 'ok');
  });
  after(async () => {
    await stack.disposeAsync();
    await until(() => linkNames().length === 0, 'no links');
  });

  test('each container has an address of each family, and a name for both', async () => {
    assert.deepEqual(
      web.endpoints[0]?.addresses.map(({ address }) => address),
      ['172.17.0.2', 'fd00:1:0:1::2'],
    );
    assert.equal(await peers.beside.resolve('web', 'AAAA'), '["fd00:1:0:1::2"]');
    assert.equal(await peers.beside.resolve('web'), '["172.17.0.2"]');
    assert.equal(await peers.beside.ask(address6(web), 80), `web fd00:1:0:1::3`);
    assert.equal(await peers.beside.ask(address6(web), 53, 'udp'), `web fd00:1:0:1::3`);
  });

  test('networks are closed to each other, and to the outside', async () => {
    assert.equal(await peers.elsewhere.askInVain(address6(web), 80), 'timeout');
    assert.equal(await peers.outside.askInVain(address6(web), 80), 'timeout');
  });

  test('from a container to the outside, hidden behind the host', async () => {
    assert.equal(await peers.web.ask(OUTSIDE, 80), `outside ${HOST}`);
  });

  test('published ports: from outside, who is seen', async () => {
    assert.equal(await peers.outside.ask(HOST, 8080), `web ${OUTSIDE}`);
    assert.equal(await peers.outside.ask(HOST, 5353, 'udp'), `web ${OUTSIDE}`);
    assert.equal(await peers.outside.ask(HOST, 8082), `web ${OUTSIDE}`);
    assert.equal(await peers.outside.ask(HOST, 8081), 'ECONNREFUSED');
  });

  test('published ports: from the host by its addresses and by ::1', async () => {
    assert.equal(await peers.host.ask(HOST, 8080), `web ${HOST}`);
    assert.equal(await peers.host.ask('::1', 8080), 'web fd00:1:0:1::1');
    assert.equal(await peers.host.ask('::1', 5353, 'udp'), 'web fd00:1:0:1::1');
    assert.equal(await peers.host.ask('::1', 8081), 'web fd00:1:0:1::1');
    assert.equal(await peers.host.ask(HOST, 8081), 'ECONNREFUSED');
    assert.equal(await peers.host.ask('::1', 8082), 'ECONNREFUSED');
  });

  test('published ports: from the same network, from another, and from itself', async () => {
    for (const name of ['beside', 'elsewhere', 'web'] as const) {
      assert.match(await peers[name].ask(HOST, 8080), /^web /, name);
      assert.match(await peers[name].ask(HOST, 5353, 'udp'), /^web /, `${name} udp`);
    }
  });

  test('a network of IPv6 alone, with a subnet of the engine’s choice', async () => {
    const six = await networks.create({ ...newNetwork('six'), pools: [{ family: 'ipv6' }] });
    assert.match(six.pools[0]?.subnet ?? '', /^fd[0-9a-f]{2}:.*::\/64$/);
    const own = await networks.acquire(requestFor('six', { ...on('six'), ports: [port('80/tcp', 8090)] }));
    const peer = stack.use(await Peer.start('six', own.namespacePath));
    assert.equal(await peer.do({ do: 'listen', protocol: 'tcp', port: 80, host: '::' }), 'ok');
    assert.match(await peers.host.ask('::1', 8090), /^six fd/);
    assert.match(await peers.host.ask('127.0.0.1', 8090), /^six fd/, 'by a proxy of the engine');
    networks.release(own);
  });

  test('the host routes IPv6 as long as such networks are there', () => {
    assert.equal(readSysctl('net.ipv6.conf.all.forwarding'), '1');
  });
}
