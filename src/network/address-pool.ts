import { familyOf, type IpAddress, ipFromNumber, ipToNumber } from '#base/ip-address.ts';
import {
  boundsOf,
  containsAddress,
  type IpPrefix,
  type PrefixBounds,
  prefixFamily,
  prefixLengthOf,
} from '#base/ip-prefix.ts';
import { networkError } from './network-errors.ts';

/**
 * The addresses of one subnet, of either family. It hands them out in ascending order and starts over at the end, so
 * that an address rests as long as possible before it is used again: the kernel removes a stopped container's
 * interface a little after its address was released.
 *
 * An IPv4 subnet's first address (the network) and its last (broadcast), an IPv6 subnet's first (the routers'
 * anycast address), and the reserved ones are never handed out.
 */
export class AddressPool {
  readonly subnet: IpPrefix;
  readonly #usable: PrefixBounds;
  readonly #first: bigint;
  readonly #last: bigint;
  readonly #reserved: ReadonlySet<bigint>;
  readonly #used = new Set<bigint>();
  #next: bigint;

  /** @param range where free addresses are taken from; any of the subnet may be claimed. Absent: the whole subnet */
  constructor(subnet: IpPrefix, reserved: readonly IpAddress[], range = subnet) {
    this.subnet = subnet;
    this.#usable = usableBounds(subnet);
    const { first, last } = boundsOf(range);
    this.#first = first > this.#usable.first ? first : this.#usable.first;
    this.#last = last < this.#usable.last ? last : this.#usable.last;
    this.#reserved = new Set(reserved.map(ipToNumber));
    this.#next = this.#first;
  }

  /** @throws {EngineError} `addresses-exhausted` */
  allocate(): IpAddress {
    const value = this.#findFree(this.#next, this.#last) ?? this.#findFree(this.#first, this.#next - 1n);
    if (value === undefined) {
      const family = prefixFamily(this.subnet) === 'ipv4' ? 'IPv4' : 'IPv6';
      throw networkError('addresses-exhausted', { details: { family, subnet: this.subnet } });
    }
    this.#take(value);
    return ipFromNumber(value, prefixFamily(this.subnet));
  }

  /**
   * Takes one certain address.
   *
   * @throws {EngineError} `address-outside`, or `address-in-use`, also where it is reserved
   */
  claim(address: IpAddress): void {
    if (!containsAddress(this.subnet, address)) {
      throw networkError('address-outside', { details: { address, subnet: this.subnet } });
    }
    const value = ipToNumber(address);
    if (!this.#isFree(value)) throw networkError('address-in-use', { details: { address } });
    this.#take(value);
  }

  /** Idempotent. An address of another subnet is fine. */
  release(address: IpAddress): void {
    if (familyOf(address) === prefixFamily(this.subnet)) this.#used.delete(ipToNumber(address));
  }

  #take(value: bigint): void {
    this.#used.add(value);
    this.#next = value >= this.#first && value < this.#last ? value + 1n : this.#first;
  }

  #findFree(from: bigint, to: bigint): bigint | undefined {
    for (let value = from; value <= to; value++) if (this.#isFree(value)) return value;
    return undefined;
  }

  #isFree(value: bigint): boolean {
    const { first, last } = this.#usable;
    return value >= first && value <= last && !this.#used.has(value) && !this.#reserved.has(value);
  }
}

/** RFC 3021: IPv4 subnets of one and two addresses have neither network nor broadcast address; RFC 4291 2.6.1. */
function usableBounds(subnet: IpPrefix): PrefixBounds {
  const { first, last } = boundsOf(subnet);
  if (prefixFamily(subnet) === 'ipv6')
    return { first: prefixLengthOf(subnet) > 126 ? first : first + 1n, last };
  const margin = prefixLengthOf(subnet) > 30 ? 0n : 1n;
  return { first: first + margin, last: last - margin };
}
