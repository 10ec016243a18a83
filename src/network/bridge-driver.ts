import type { IpPrefix } from '#base/ip-prefix.ts';
import { containsAddress, firstAddress, prefixFamily, prefixLengthOf, subnetOf } from '#base/ip-prefix.ts';
import { type IpFamily, ipFromNumber, ipToNumber } from '#base/ip-address.ts';
import {
  type Bridge,
  bridgeAddress,
  bridgeExists,
  claimBridge,
  deleteBridge,
  ensureBridge,
  outwardMtu,
} from './bridge.ts';
import { BridgeCarrier } from './bridge-carrier.ts';
import { chooseSubnet, chooseSubnet6 } from './default-subnet.ts';
import type { Firewall } from './firewall.ts';
import { networkError } from './network-errors.ts';
import type { NetworkCarrier, NetworkDriver, NetworkPlan } from './network-driver.ts';
import type { AddressPool, BridgeSettings, NetworkRecord, NetworkSpec, Pool, PoolSpec } from './network.ts';
import type { VethPairs } from './veth-pairs.ts';

export interface BridgeDriverOptions {
  readonly pairs: VethPairs;
  /** Absent: the engine does not manage it. */
  readonly firewall: Firewall | undefined;
  /** What is written on bridges. */
  readonly note: string;
  /** Where subnets are taken from. */
  readonly pools: readonly AddressPool[];
  /** What subnets of new networks must not touch. */
  readonly usedSubnets: () => readonly IpPrefix[];
}

/** Networks on Linux bridges of this host. */
export class BridgeDriver implements NetworkDriver {
  readonly kind = 'bridge';
  readonly namespace = 'own';
  readonly #options: BridgeDriverOptions;

  constructor(options: BridgeDriverOptions) {
    this.#options = options;
  }

  plan(spec: NetworkSpec, id: string): NetworkPlan {
    const settings = settingsOf(spec);
    const linkName = settings.linkName ?? `br-${id.slice(0, 12)}`;
    const asked = spec.pools.length > 0 ? spec.pools : [{}];
    if (new Set(asked.map(poolFamily)).size < asked.length) {
      throw invalidSubnet(spec, 'a bridge has one subnet of a family');
    }
    const mtu = settings.mtu ?? outwardMtu();
    const driver = { ...settings, kind: 'bridge', linkName, mtu } as const;
    const pools = asked.map((pool) => this.#complete(pool, { linkName, id }));
    for (const pool of pools) checkRange(spec, pool);
    return { driver, pools };
  }

  /** The bridge of another, with its addresses, is not ours to change, nor to delete with the network. */
  checkHost(record: NetworkRecord): void {
    const { linkName = '' } = settingsOf(record);
    if (!bridgeExists(linkName)) return;
    throw networkError('link-in-the-way', { subject: record.name, details: { link: linkName } });
  }

  create(record: NetworkRecord): NetworkCarrier {
    const { linkName = '' } = settingsOf(record);
    const isOurs = !bridgeExists(linkName);
    try {
      return this.#carry(record, claimBridge);
    } catch (error) {
      if (isOurs) deleteBridge(linkName);
      throw error;
    }
  }

  open(record: NetworkRecord): NetworkCarrier {
    return this.#carry(record, ensureBridge);
  }

  /** A bridge that is there keeps its address. */
  #complete(asked: PoolSpec, { linkName, id }: { readonly linkName: string; readonly id: string }): Pool {
    const { family = 'ipv4', ...pool } = asked;
    if (pool.subnet !== undefined) {
      return { ...pool, subnet: pool.subnet, gateway: pool.gateway ?? firstHost(pool.subnet) };
    }
    const { pools, usedSubnets: used } = this.#options;
    const gateway =
      family === 'ipv6'
        ? chooseSubnet6(pools, used(), id)
        : (bridgeAddress(linkName) ?? chooseSubnet(pools, used()));
    return { ...pool, subnet: subnetOf(gateway), gateway: gateway.address };
  }

  #carry(
    record: NetworkRecord,
    make: (options: Parameters<typeof ensureBridge>[0]) => Bridge,
  ): NetworkCarrier {
    const { pairs, firewall, note } = this.#options;
    const { linkName = '', mtu = outwardMtu(), icc = true, masquerades = true } = settingsOf(record);
    const { interfacePrefix = 'eth' } = settingsOf(record);
    const { isInternal, pools, name: network } = record;
    const gateways = pools.map(({ subnet, gateway: address }) => ({
      address,
      prefixLength: prefixLengthOf(subnet),
    }));
    const bridge = make({ name: linkName, network, gateways, mtu, note });
    const subnets = pools.map(({ subnet }) => subnet);
    firewall?.addBridge({ name: linkName, subnets, icc, masquerades, isInternal });
    return new BridgeCarrier({ record, bridge, pairs, icc, interfacePrefix, firewall });
  }
}

function settingsOf({ driver, name }: NetworkSpec): BridgeSettings {
  if (driver.kind === 'bridge') return driver;
  throw new TypeError(`Cannot open network ${name}: its driver is ${driver.kind}`);
}

function checkRange(spec: NetworkSpec, { range, subnet }: Pool): void {
  if (range === undefined || containsAddress(subnet, firstAddress(range))) return;
  throw invalidSubnet(spec, `its range ${range} does not lie in ${subnet}`);
}

function poolFamily({ subnet, family = 'ipv4' }: PoolSpec): IpFamily {
  return subnet === undefined ? family : prefixFamily(subnet);
}

function firstHost(subnet: IpPrefix): Pool['gateway'] {
  return ipFromNumber(ipToNumber(firstAddress(subnet)) + 1n, prefixFamily(subnet));
}

function invalidSubnet({ name }: NetworkSpec, problem: string) {
  return networkError('subnet-invalid', { subject: name, details: { problem } });
}
