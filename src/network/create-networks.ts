import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type InterfaceAddress, parseInterfaceAddress, subnetOf } from '#base/ip-prefix.ts';
import { removeNetworkNamespace } from '#linux/namespaces.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { type Bridge, deleteBridge, ensureBridge } from './bridge.ts';
import { BridgeDriver, type BridgeDriverOptions } from './bridge-driver.ts';
import { DeferredChecks } from './deferred-checks.ts';
import { DroppedNamespaces } from './dropped-namespaces.ts';
import { EngineNetworks } from './engine-networks.ts';
import { Firewall } from './firewall.ts';
import { HostResolver } from './host-resolver.ts';
import { NamespacePool } from './namespace-pool.ts';
import type { Networks, NetworksEnvironment, NetworksOptions, SandboxRecord } from './network.ts';
import type { NetworkDriver } from './network-driver.ts';
import { networkIdentity } from './network-identity.ts';
import { acceptInOtherFirewalls, removeFromOtherFirewalls } from './other-firewalls.ts';
import { HostDriver, NoneDriver } from './plain-drivers.ts';
import { PortPublisher, rulesOf } from './port-publisher.ts';
import { fromPortMap } from './publication.ts';
import { buildBareNamespace, buildNamespace, vethName, vethPrefix } from './ready-namespace.ts';
import type { FirewallRule } from './ruleset.ts';
import { SandboxFiles } from './sandbox-files.ts';
import { readSysctl, writeSysctls } from './sysctl.ts';
import { UnpluggedLinks } from './unplugged-links.ts';
import { Upstream } from './upstream.ts';

/** What clients call the default bridge, whatever its link is called. */
const BRIDGE_NETWORK = 'bridge';
/** How much of the stock of namespaces is for containers without a network. */
const BARE_SHARE = 1 / 9;

type Options = NetworksOptions & NetworksEnvironment;

/**
 * Sets the default bridge and the firewall up, takes running containers over and removes what no running container
 * owns.
 *
 * @throws {EngineError} `unavailable` without nftables, `invalid` for a bad bridge address, `exhausted` if the host
 *   uses every default pool
 */
export async function createNetworks(options: Options): Promise<Networks> {
  const directory = join(options.runDirectory, 'namespaces');
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  const identity = networkIdentity(options.runDirectory);
  await using undo = new AsyncDisposableStack();
  const host = await setUpHost(options, undo);
  const ports = removeOrphans(directory, options, host);
  const drivers = createDrivers({ ...options, ports }, host, directory, identity.idOf, undo);
  const entries = [...drivers].map(([name, driver]) => {
    const network = { id: identity.idOf(name), name, created: identity.created, driver };
    return [name, network] as const;
  });
  const networks = new EngineNetworks({
    networks: new Map(entries),
    emit: options.emit,
    logger: options.logger,
    resources: undo.move(),
    removeFromHost: () => removeFromHost(options, host),
  });
  for (const record of options.restore) networks.restore(record);
  return networks;
}

/** What the engine has on the host for all containers together. */
interface HostSide {
  readonly resolver: HostResolver;
  readonly bridge: Bridge;
  /** Absent where the engine is not to manage it. */
  readonly firewall: Firewall | undefined;
  readonly unplugged: UnpluggedLinks;
}

async function setUpHost(options: Options, undo: AsyncDisposableStack): Promise<HostSide> {
  const { bridgeName: name, tableName: table, logger, icc } = options;
  const resolver = new HostResolver();
  const { nameservers } = resolver.settings;
  const bridge = ensureBridge({ name, gateway: wantedGateway(options), nameservers });
  if (readSysctl('net.ipv4.ip_forward') === '0') writeSysctls({ 'net.ipv4.ip_forward': '1' });
  const unplugged = undo.use(new UnpluggedLinks());
  if (!options.iptables) return { resolver, bridge, firewall: undefined, unplugged };
  const mark = await acceptInOtherFirewalls(table, logger);
  const subnet = subnetOf(bridge.gateway);
  const rules = restoredRules(options.restore);
  const firewall = undo.use(new Firewall({ table, mark, logger }, [{ name, subnet, icc }], rules));
  return { resolver, bridge, firewall, unplugged };
}

/** Running containers decide where their gateway is; then the flags do. */
function wantedGateway({ restore, bridgeAddress, logger }: Options): InterfaceAddress | undefined {
  const wanted = bridgeAddress === undefined ? undefined : parseInterfaceAddress(bridgeAddress);
  const endpoint = restore.map(({ endpoints }) => endpoints[BRIDGE_NETWORK]).find((found) => found?.Gateway);
  if (!endpoint) return wanted;
  const present = parseInterfaceAddress(`${endpoint.Gateway}/${endpoint.IPPrefixLen}`);
  if (wanted && wanted.address !== present.address) {
    logger.warn('running containers keep the bridge address as it is', { wanted: bridgeAddress });
  }
  return present;
}

function restoredRules(records: readonly SandboxRecord[]): readonly FirewallRule[] {
  return records.flatMap(({ endpoints, ports }) => {
    const address = endpoints[BRIDGE_NETWORK]?.IPAddress;
    return address ? rulesOf(fromPortMap(ports), address) : [];
  });
}

/**
 * A daemon that was killed leaves its pool, and perhaps containers that ended meanwhile.
 *
 * @returns names of the links that are ports of the bridge
 */
function removeOrphans(
  directory: string,
  { bridgeName, restore }: Options,
  { bridge, unplugged }: Pick<HostSide, 'bridge' | 'unplugged'>,
): ReadonlySet<string> {
  const paths = new Set(restore.map(({ namespacePath }) => namespacePath));
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (!paths.has(path)) removeNetworkNamespace(path);
  }
  const live = new Set([...paths].flatMap((path) => (path === undefined ? [] : vethName(bridgeName, path))));
  using route = RouteSocket.open();
  const links = route.listLinks();
  for (const { name } of links) {
    if (name.startsWith(vethPrefix(bridgeName)) && !live.has(name)) unplugged.add(name);
  }
  return new Set(links.filter(({ masterIndex }) => masterIndex === bridge.index).map(({ name }) => name));
}

/** The built-in networks by name. */
function createDrivers(
  options: Options & Pick<BridgeDriverOptions, 'ports'>,
  { resolver, bridge, firewall, unplugged }: HostSide,
  directory: string,
  idOf: (network: string) => string,
  undo: AsyncDisposableStack,
): ReadonlyMap<string, NetworkDriver> {
  const { icc, logger, userlandProxy, defaultBindAddress, poolSize } = options;
  const files = new SandboxFiles(options, resolver, bridge.gateway.address);
  const dropped = undo.use(new DroppedNamespaces(logger));
  const bareSize = Math.floor(poolSize * BARE_SHARE);
  const barePool = undo.use(
    new NamespacePool({
      build: () => buildBareNamespace(directory),
      discard: removeNetworkNamespace,
      size: bareSize,
      logger,
    }),
  );
  const link = undo.use(RouteSocket.open());
  const pool = undo.use(
    new NamespacePool({
      build: () => buildNamespace(directory, { bridge, icc }, link),
      discard: ({ path }) => removeNetworkNamespace(path),
      size: poolSize - bareSize,
      logger,
    }),
  );
  const upstream = new Upstream();
  const bridgeDriver = new BridgeDriver({
    networkId: idOf(BRIDGE_NETWORK),
    networkName: BRIDGE_NETWORK,
    bridge,
    ports: options.ports,
    icc,
    masquerade: options.iptables,
    defaultBindAddress,
    pool,
    dropped,
    checks: undo.use(new DeferredChecks()),
    publisher: new PortPublisher({
      firewall,
      userlandProxy,
      tableName: options.tableName,
      defaultAddress: defaultBindAddress,
      logger,
    }),
    files,
    forward: (message, servers, transport) => upstream.forward(message, servers, transport),
    onUnplugged: unplugged.add,
    logger,
  });
  return new Map<string, NetworkDriver>([
    [BRIDGE_NETWORK, bridgeDriver],
    ['host', new HostDriver(idOf('host'), files)],
    ['none', new NoneDriver(idOf('none'), files, barePool, dropped)],
  ]);
}

async function removeFromHost({ bridgeName, tableName }: Options, host: HostSide): Promise<void> {
  host.unplugged.sweep();
  deleteBridge(bridgeName);
  if (!host.firewall) return;
  host.firewall.removeTable();
  await removeFromOtherFirewalls(tableName);
}
