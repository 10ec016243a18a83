import type { IpPrefix } from '#base/ip-prefix.ts';
import {
  firstAddress,
  type InterfaceAddress,
  prefixFamily,
  prefixLengthOf,
  subnetOf,
} from '#base/ip-prefix.ts';
import { ipFromNumber, ipToNumber } from '#base/ip-address.ts';
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
import { chooseSubnet } from './default-subnet.ts';
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
    const [asked = {}, ...others] = spec.pools;
    const [other] = others;
    if (other) throw invalidSubnet(spec, 'a bridge has one subnet of a family');
    const mtu = settings.mtu ?? outwardMtu();
    const driver = { ...settings, kind: 'bridge', linkName, mtu } as const;
    return { driver, pools: [this.#choose(spec, asked, linkName)] };
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
  #choose(spec: NetworkSpec, asked: PoolSpec, linkName: string): Pool {
    if (asked.subnet === undefined) {
      const gateway =
        bridgeAddress(linkName) ?? chooseSubnet(this.#options.pools, this.#options.usedSubnets());
      return { ...asked, subnet: subnetOf(gateway), gateway: gateway.address };
    }
    if (prefixFamily(asked.subnet) === 'ipv6') throw invalidSubnet(spec, 'bridges carry IPv4 alone');
    return { ...asked, subnet: asked.subnet, gateway: asked.gateway ?? firstHost(asked.subnet) };
  }

  #carry(
    record: NetworkRecord,
    make: (options: Parameters<typeof ensureBridge>[0]) => Bridge,
  ): NetworkCarrier {
    const { pairs, firewall, note } = this.#options;
    const { linkName = '', mtu = outwardMtu(), icc = true, masquerades = true } = settingsOf(record);
    const { interfacePrefix = 'eth' } = settingsOf(record);
    const gateway = gatewayAddress(record);
    const bridge = make({ name: linkName, network: record.name, gateway, mtu, note });
    const { isInternal } = record;
    firewall?.addBridge({ name: linkName, subnet: subnetOf(gateway), icc, masquerades, isInternal });
    return new BridgeCarrier({ record, bridge, pairs, icc, interfacePrefix, firewall });
  }
}

function settingsOf({ driver, name }: NetworkSpec): BridgeSettings {
  if (driver.kind === 'bridge') return driver;
  throw new TypeError(`Cannot open network ${name}: its driver is ${driver.kind}`);
}

function gatewayAddress({ pools, name }: NetworkRecord): InterfaceAddress {
  const [pool] = pools;
  if (!pool) throw new TypeError(`Cannot open network ${name}: it has no subnet`);
  return { address: pool.gateway, prefixLength: prefixLengthOf(pool.subnet) };
}

function firstHost(subnet: IpPrefix): Pool['gateway'] {
  return ipFromNumber(ipToNumber(firstAddress(subnet)) + 1n, prefixFamily(subnet));
}

function invalidSubnet({ name }: NetworkSpec, problem: string) {
  return networkError('subnet-invalid', { subject: name, details: { problem } });
}
