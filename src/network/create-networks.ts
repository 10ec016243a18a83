import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeNetworkNamespace } from '#linux/namespaces.ts';
import { RouteQueue } from '#linux/route-queue.ts';
import { BridgeDriver } from './bridge-driver.ts';
import { builtInNetworks, DEFAULT_NETWORK } from './built-in-networks.ts';
import { DEFAULT_POOLS } from './default-subnet.ts';
import { DeferredChecks } from './deferred-checks.ts';
import { targetAddresses } from './endpoint.ts';
import { EngineNetworks } from './engine-networks.ts';
import { EngineSandboxes } from './engine-sandboxes.ts';
import { Firewall } from './firewall.ts';
import { firstIdentity } from './former-identity.ts';
import { HostResolver } from './host-resolver.ts';
import type { SandboxEnvironment } from './live-sandbox.ts';
import { LinkReaper } from './link-reaper.ts';
import { NamespacePool } from './namespace-pool.ts';
import { NamespaceReaper } from './namespace-reaper.ts';
import { EngineNetworkRegistry } from './network-registry.ts';
import type {
  NetworkView,
  Networks,
  NetworksEnvironment,
  NetworksOptions,
  SandboxRecord,
} from './network.ts';
import { ownerNote, removeOrphanedBridges } from './orphaned-bridges.ts';
import { acceptInOtherFirewalls, removeFromOtherFirewalls } from './other-firewalls.ts';
import { hostDriver, nullDriver } from './plain-drivers.ts';
import { PublishedPorts, rulesOf } from './published-ports.ts';
import { buildNamespace } from './ready-namespace.ts';
import type { FirewallRule } from './ruleset.ts';
import { SandboxFiles } from './sandbox-files.ts';
import { readSysctl, writeSysctls } from './sysctl.ts';
import { Upstream } from './upstream.ts';
import { usedSubnets } from './used-subnets.ts';
import { VethPairs } from './veth-pairs.ts';

type Options = NetworksOptions & NetworksEnvironment;

/**
 * Opens the networks, makes what they need on the host, adopts the sandboxes of running containers and removes what
 * no running container owns.
 *
 * @throws {EngineError} `unavailable` without nftables, `invalid` for a bad bridge address, `no-free-subnet`
 */
export async function createNetworks(options: Options): Promise<Networks> {
  const { restore, emit, logger, metadata } = options;
  const directory = join(options.runDirectory, 'namespaces');
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  await using undo = new AsyncDisposableStack();
  const host = await setUpHost(options, undo);
  removeOrphans(directory, restore, host.pairs);
  const registry: EngineNetworkRegistry = new EngineNetworkRegistry({
    metadata,
    drivers: {
      bridge: new BridgeDriver({
        pairs: host.pairs,
        firewall: host.firewall,
        note: ownerNote(options),
        pools: options.addressPools ?? DEFAULT_POOLS,
        usedSubnets: () => [
          ...usedSubnets(host.resolver.settings.nameservers),
          ...registry.recordedSubnets(),
        ],
      }),
      host: hostDriver,
      null: nullDriver,
    },
    membersOf: (networkId) => sandboxes.membersOf(networkId),
    emit,
    logger,
  });
  for (const spec of builtInNetworks(options)) {
    registry.openBuiltIn(spec, firstIdentity(options.runDirectory, spec.name));
  }
  registry.openStored();
  host.firewall?.install(restoredRules(restore));
  const gateway = () =>
    options.hostGateway ?? gatewayOf(registry.list({ drivers: ['bridge'], isBuiltIn: true }));
  const defaultNetwork = options.hasDefaultBridge ? DEFAULT_NETWORK : 'none';
  const environment = sandboxEnvironment(options, host, { directory, gateway }, undo);
  const sandboxes: EngineSandboxes = new EngineSandboxes({
    registry,
    environment,
    defaultNetwork,
    emit,
  });
  for (const record of restore) sandboxes.adopt(record);
  environment.checks.add(() => removeOrphanedBridges(logger));
  const removeFromHost = () => removeEngineFromHost(options, host);
  return new EngineNetworks({ defaultNetwork, registry, sandboxes, resources: undo.move(), removeFromHost });
}

/** What the engine has on the host for all networks together. */
interface HostSide {
  readonly resolver: HostResolver;
  readonly pairs: VethPairs;
  /** Absent where the engine is not to manage it. */
  readonly firewall: Firewall | undefined;
  readonly reaper: LinkReaper;
}

async function setUpHost(options: Options, undo: AsyncDisposableStack): Promise<HostSide> {
  const { bridgeName, tableName: table, logger, iptables } = options;
  const resolver = new HostResolver();
  if (options.forwards && readSysctl('net.ipv4.ip_forward') === '0')
    writeSysctls({ 'net.ipv4.ip_forward': '1' });
  const reaper = undo.use(new LinkReaper(logger));
  const pairs = new VethPairs(bridgeName, undo.use(new RouteQueue()), reaper);
  if (!iptables) return { resolver, pairs, firewall: undefined, reaper };
  const mark = await acceptInOtherFirewalls(table, logger);
  const firewall = undo.use(
    new Firewall({ table, mark, translatesLoopback6: translatesLoopback6(), logger }),
  );
  return { resolver, pairs, firewall, reaper };
}

function sandboxEnvironment(
  options: Options,
  { resolver, firewall }: HostSide,
  { directory, gateway }: { readonly directory: string; readonly gateway: () => string },
  undo: AsyncDisposableStack,
): SandboxEnvironment {
  const { logger, userlandProxy, defaultBindAddress: defaultAddress, tableName, poolSize: size } = options;
  const reaper = undo.use(new NamespaceReaper(logger));
  const build = () => buildNamespace(directory);
  const pool = undo.use(new NamespacePool({ build, discard: removeNetworkNamespace, size, logger }));
  const upstream = new Upstream();
  return {
    namespaces: { take: () => pool.take(), drop: (path) => reaper.reap(path) },
    checks: undo.use(new DeferredChecks()),
    ports: undo.use(new PublishedPorts({ firewall, userlandProxy, tableName, defaultAddress, logger })),
    files: new SandboxFiles(options, resolver, gateway),
    forward: (message, servers, transport) => upstream.forward(message, servers, transport),
    logger,
  };
}

/** What `host-gateway` stands for; empty without a default bridge. */
function gatewayOf([bridge]: readonly NetworkView[]): string {
  return bridge?.network.pools[0]?.gateway ?? '';
}

function restoredRules(records: readonly SandboxRecord[]): readonly FirewallRule[] {
  return records.flatMap(({ endpoints, publications }) => rulesOf(publications, targetAddresses(endpoints)));
}

/** A daemon that was killed leaves its pool, and perhaps containers that ended meanwhile. */
function removeOrphans(directory: string, live: readonly SandboxRecord[], pairs: VethPairs): void {
  const paths = new Set(live.map(({ namespacePath }) => namespacePath));
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (!paths.has(path)) removeNetworkNamespace(path);
  }
  const suffixes = live.flatMap(({ endpoints }) => endpoints.map(({ linkSuffix = '' }) => linkSuffix));
  pairs.survey(new Set(suffixes));
}

async function removeEngineFromHost({ tableName }: Options, host: HostSide): Promise<void> {
  await host.reaper.sweep();
  if (!host.firewall) return;
  host.firewall.removeTable();
  await removeFromOtherFirewalls(tableName);
}

/** With br_netfilter, translation is undone while a packet is still on the bridge, from where `::1` cannot come in. */
function translatesLoopback6(): boolean {
  return readSysctl('net.bridge.bridge-nf-call-ip6tables') !== '1';
}
