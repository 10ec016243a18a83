import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { until } from '#base/testing.ts';
import { inNetworkNamespace } from '#linux/namespaces.ts';
import { Nftables } from '#linux/nftables.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { replaceRoute, deleteAddress } from '#linux/rtnetlink-messages.ts';
import { readSysctl, writeSysctls } from './sysctl.ts';
import {
  addressOn,
  connectOutside,
  linkNames,
  onPrivateHost,
  Peer,
  port,
  requestFor,
  startNetworks,
  TABLE,
  temporaryDirectory,
} from './testing.ts';

const HOST = '198.51.100.1';
const OUTSIDE = '198.51.100.2';
const GATEWAY = '172.30.0.1';

const PORTS = [port('80/tcp', 8080), port('80/tcp', 8081, '127.0.0.1'), port('53/udp', 5353)];

if (onPrivateHost(import.meta.filename)) {
  for (const [title, settings] of Object.entries({
    'without br_netfilter': { filterBridged: '0', icc: true },
    'with br_netfilter': { filterBridged: '1', icc: true },
    'without icc': { filterBridged: '0', icc: false },
    'without icc, with br_netfilter': { filterBridged: '1', icc: false },
  })) {
    describe(title, () => matrix(settings));
  }
  describe('beside Docker, which drops what it does not know', () => besideDocker());
}

/** Two containers, the host and a machine outside. */
async function build(stack: AsyncDisposableStack, icc: boolean) {
  const directory = stack.use(temporaryDirectory()).path;
  const outside = stack.use(connectOutside(directory));
  const networks = await startNetworks(directory, { icc });
  stack.defer(() => networks.destroy());
  const web = await networks.acquire(requestFor('web', { ports: PORTS }));
  const other = await networks.acquire(requestFor('other'));
  const peers = {
    web: stack.use(await Peer.start('web', web.namespacePath)),
    other: stack.use(await Peer.start('other', other.namespacePath)),
    outside: stack.use(await Peer.start('outside', outside.path)),
    host: stack.use(await Peer.start('host')),
  };
  assert.equal(await peers.web.listen(80), 'ok');
  assert.equal(await peers.web.listen(53, 'udp'), 'ok');
  assert.equal(await peers.outside.listen(80), 'ok');
  return {
    ...peers,
    outsidePath: outside.path,
    networks,
    webAddress: addressOn(web),
    otherAddress: addressOn(other),
  };
}

/** What a hostile machine does on the wire: it sends packets for 127.0.0.1 to the host. */
function routeLoopback(): void {
  using route = RouteSocket.open();
  const index = route.linkIndex('eth0');
  writeSysctls({ 'net.ipv4.conf.all.route_localnet': '1' });
  route.requestAll([deleteAddress({ index: 1, address: '127.0.0.1', prefixLength: 8 })]);
  route.request(
    replaceRoute({ index, destination: { address: '127.0.0.1', prefixLength: 32 }, gateway: HOST }),
  );
}

type World = Awaited<ReturnType<typeof build>>;

function matrix({ filterBridged, icc }: { readonly filterBridged: string; readonly icc: boolean }): void {
  const stack = new AsyncDisposableStack();
  let world: World;
  before(async () => {
    if (readSysctl('net.bridge.bridge-nf-call-iptables') !== undefined) {
      writeSysctls({ 'net.bridge.bridge-nf-call-iptables': filterBridged });
    }
    world = await build(stack, icc);
  });
  after(async () => {
    await stack.disposeAsync();
    await until(() => linkNames().length === 0, 'no links');
    using nftables = Nftables.open();
    assert.equal(nftables.run('list tables'), '');
  });

  test('from outside to a published port, which sees who it is', async () => {
    assert.equal(await world.outside.ask(HOST, 8080), `web ${OUTSIDE}`);
    assert.equal(await world.outside.ask(HOST, 5353, 'udp'), `web ${OUTSIDE}`);
  });

  test('from outside to a port that is published on loopback: nothing gets through', async () => {
    const reach = () => world.outside.askInVain('127.0.0.1', 8081);
    inNetworkNamespace(world.outsidePath, routeLoopback);
    assert.equal(await reach(), 'timeout');
    using nftables = Nftables.open();
    const chain = nftables.run(`list chain inet ${TABLE} raw_prerouting`);
    nftables.run(`flush chain inet ${TABLE} raw_prerouting`);
    assert.equal(await reach(), `web ${OUTSIDE}`, 'the test itself');
    nftables.run(chain);
    assert.equal(await reach(), 'timeout');
  });

  test('from the host: its own address, loopback, the gateway, the container', async () => {
    for (const address of [HOST, '127.0.0.1', '127.0.0.5', GATEWAY]) {
      assert.match(await world.host.ask(address, 8080), /^web /, address);
      assert.match(await world.host.ask(address, 5353, 'udp'), /^web /, `${address} udp`);
    }
    assert.match(await world.host.ask(world.webAddress, 80), /^web /);
  });

  test('over IPv6', async () => {
    assert.match(await world.host.ask('::1', 8080), /^web /);
    assert.match(await world.host.ask('::1', 5353, 'udp'), /^web /);
  });

  test('a port published on one address is there and nowhere else', async () => {
    assert.match(await world.host.ask('127.0.0.1', 8081), /^web /);
    assert.equal(await world.host.ask(HOST, 8081), 'ECONNREFUSED');
    assert.equal(await world.outside.ask(HOST, 8081), 'ECONNREFUSED');
  });

  test('from another container and from itself by the host', async () => {
    for (const address of [HOST, GATEWAY]) {
      assert.match(await world.other.ask(address, 8080), /^web /, address);
      assert.match(await world.web.ask(address, 8080), /^web /, `${address} itself`);
      assert.match(await world.other.ask(address, 5353, 'udp'), /^web /, `${address} udp`);
    }
  });

  test('from container to container as icc has it', async () => {
    const { other, webAddress, otherAddress } = world;
    if (icc) assert.equal(await other.ask(webAddress, 80), `web ${otherAddress}`);
    else assert.match(await other.askInVain(webAddress, 80), /timeout|EHOSTUNREACH/);
  });

  test('from a container to the outside, hidden behind the host', async () => {
    assert.equal(await world.web.ask(OUTSIDE, 80), `outside ${HOST}`);
  });

  test('from outside only the published ports are reached', async () => {
    assert.equal(await world.outside.askInVain(world.webAddress, 80), 'timeout');
    assert.equal(await world.outside.askInVain(world.webAddress, 53, 'udp'), 'timeout');
  });
}

function iptables(...args: readonly string[]): string {
  return execFileSync('iptables', args, { encoding: 'utf8' });
}

function besideDocker(): void {
  const options = { skip: !existsSync('/usr/sbin/iptables') };

  test('traffic passes and is taken back out', options, async () => {
    iptables('-N', 'DOCKER-USER');
    iptables('-A', 'DOCKER-USER', '-j', 'RETURN');
    iptables('-P', 'FORWARD', 'DROP');
    iptables('-I', 'FORWARD', '-j', 'DOCKER-USER');
    {
      await using stack = new AsyncDisposableStack();
      const { outside, web } = await build(stack, true);
      assert.equal(await outside.ask(HOST, 8080), `web ${OUTSIDE}`);
      assert.equal(await web.ask(OUTSIDE, 80), `outside ${HOST}`);
      assert.match(iptables('-S', 'DOCKER-USER'), new RegExp(`--comment "?inet ${TABLE}"? -j ACCEPT`));
    }
    assert.equal(iptables('-S', 'DOCKER-USER'), '-N DOCKER-USER\n-A DOCKER-USER -j RETURN\n');
  });
}
