import { newId } from '#base/ids.ts';
import { parseIp } from '#base/ip-address.ts';
import { containsAddress, prefixFamily, prefixLengthOf } from '#base/ip-prefix.ts';
import { AddressPool } from './address-pool.ts';
import type { NetworkAttachment } from './attachment.ts';
import { type Bridge, deleteBridge } from './bridge.ts';
import { macOf } from './endpoint.ts';
import type { Firewall } from './firewall.ts';
import { networkError } from './network-errors.ts';
import type { InterfaceTarget, NetworkCarrier } from './network-driver.ts';
import type { Endpoint, NetworkRecord } from './network.ts';
import type { BridgePort, VethPairs } from './veth-pairs.ts';

export interface BridgeCarrierOptions {
  readonly record: NetworkRecord;
  readonly bridge: Bridge;
  readonly pairs: VethPairs;
  readonly icc: boolean;
  readonly interfacePrefix: string;
  readonly firewall: Firewall | undefined;
}

/** One network on a Linux bridge. */
export class BridgeCarrier implements NetworkCarrier {
  readonly interfacePrefix: string;
  readonly #options: BridgeCarrierOptions;
  readonly #port: BridgePort;
  readonly #addresses: readonly AddressPool[];
  /** Until the interfaces of these endpoints are gone, by id. */
  readonly #leaving = new Set<string>();

  constructor(options: BridgeCarrierOptions) {
    const { record, bridge, icc } = options;
    this.#options = options;
    this.interfacePrefix = options.interfacePrefix;
    this.#port = { bridgeIndex: bridge.index, mtu: bridge.mtu, icc };
    this.#addresses = record.pools.map(
      ({ subnet, gateway, range, reserved = {} }) =>
        new AddressPool(subnet, [gateway, ...Object.values(reserved)], range),
    );
  }

  createEndpoint(attachment: NetworkAttachment): Endpoint {
    const { id: networkId, name: networkName, isInternal, pools } = this.#options.record;
    this.#checkFamilies(attachment);
    using undo = new DisposableStack();
    if (this.#leaving.size > 0) this.#options.pairs.look();
    const addresses = this.#addresses.map((pool) => {
      const address = claim(pool, attachment);
      undo.defer(() => pool.release(address));
      return { address, prefixLength: prefixLengthOf(pool.subnet) };
    });
    undo.move();
    const id = newId();
    const [first] = addresses;
    return {
      id,
      networkId,
      networkName,
      addresses,
      gateways: isInternal ? [] : pools.map(({ gateway }) => gateway),
      macAddress: attachment.macAddress ?? (first ? macOf(first.address) : ''),
      linkSuffix: id.slice(0, 8),
      attachment,
    };
  }

  /** @throws {EngineError} `address-outside` */
  #checkFamilies({ ipv4Address, ipv6Address }: NetworkAttachment): void {
    for (const address of [ipv4Address, ipv6Address]) {
      if (address === undefined) continue;
      if (this.#addresses.some(({ subnet }) => containsAddress(subnet, parseIp(address)))) continue;
      const subnet = this.#addresses.map((pool) => pool.subnet).join(' ');
      throw networkError('address-outside', { details: { address, subnet } });
    }
  }

  adoptEndpoint(endpoint: Endpoint): void {
    const { addresses, linkSuffix } = endpoint;
    for (const { address } of addresses) {
      this.#addresses.find(({ subnet }) => containsAddress(subnet, address))?.claim(address);
    }
    const { pairs, bridge } = this.#options;
    if (linkSuffix !== undefined && !pairs.wasAttached(linkSuffix, bridge.index)) {
      this.repairEndpoint(endpoint);
    }
  }

  repairEndpoint({ linkSuffix }: Endpoint): void {
    if (linkSuffix !== undefined) this.#options.pairs.attach(linkSuffix, this.#port);
  }

  releaseEndpoint({ id, addresses }: Endpoint): void {
    const rests = this.#leaving.has(id);
    for (const { address } of addresses) for (const pool of this.#addresses) pool.release(address, { rests });
  }

  async createInterface({ linkSuffix, macAddress }: Endpoint, target: InterfaceTarget): Promise<void> {
    if (linkSuffix === undefined) return;
    await this.#options.pairs.create(linkSuffix, this.#port, { ...target, macAddress });
  }

  removeInterface({ id, linkSuffix, addresses }: Endpoint): void {
    if (linkSuffix === undefined) return;
    this.#leaving.add(id);
    this.#options.pairs.remove(linkSuffix, () => {
      this.#leaving.delete(id);
      for (const { address } of addresses) for (const pool of this.#addresses) pool.wake(address);
    });
  }

  remove(): void {
    const { bridge, firewall } = this.#options;
    firewall?.removeBridge(bridge.name);
    deleteBridge(bridge.name);
  }
}

function claim(pool: AddressPool, attachment: NetworkAttachment) {
  const asked = prefixFamily(pool.subnet) === 'ipv4' ? attachment.ipv4Address : attachment.ipv6Address;
  if (asked === undefined) return pool.allocate();
  const address = parseIp(asked);
  pool.claim(address);
  return address;
}
