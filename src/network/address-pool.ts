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
 * The addresses of one subnet, of either family. The lowest free one is handed out, as Docker does. One that was
 * released *rests* while its former interface may still answer for it: it comes last, unless it is asked for.
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
  readonly #resting = new Set<bigint>();
  /** None below it is free. */
  #lowest: bigint;

  /** @param range where free addresses are taken from; any of the subnet may be claimed. Absent: the whole subnet */
  constructor(subnet: IpPrefix, reserved: readonly IpAddress[], range = subnet) {
    this.subnet = subnet;
    this.#usable = usableBounds(subnet);
    const { first, last } = boundsOf(range);
    this.#first = first > this.#usable.first ? first : this.#usable.first;
    this.#last = last < this.#usable.last ? last : this.#usable.last;
    this.#reserved = new Set(reserved.map(ipToNumber));
    this.#lowest = this.#first;
  }

  /** @throws {EngineError} `addresses-exhausted` */
  allocate(): IpAddress {
    const value = this.#lowestFree() ?? this.#longestResting();
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

  /**
   * Idempotent. An address of another subnet is fine.
   *
   * @param options.rests until {@link wake}, since its former interface may still answer for it
   */
  release(address: IpAddress, { rests = false }: { readonly rests?: boolean } = {}): void {
    if (familyOf(address) !== prefixFamily(this.subnet)) return;
    const value = ipToNumber(address);
    if (!this.#used.delete(value)) return;
    if (value < this.#lowest && value >= this.#first) this.#lowest = value;
    if (rests) this.#resting.add(value);
  }

  /** Idempotent. An address of another subnet is fine. */
  wake(address: IpAddress): void {
    if (familyOf(address) === prefixFamily(this.subnet)) this.#resting.delete(ipToNumber(address));
  }

  #take(value: bigint): void {
    this.#used.add(value);
    this.#resting.delete(value);
  }

  #lowestFree(): bigint | undefined {
    while (this.#lowest <= this.#last && !this.#isFree(this.#lowest)) this.#lowest++;
    for (let value = this.#lowest; value <= this.#last; value++) {
      if (this.#isFree(value) && !this.#resting.has(value)) return value;
    }
    return undefined;
  }

  #longestResting(): bigint | undefined {
    return [...this.#resting].find(
      (value) => value >= this.#first && value <= this.#last && this.#isFree(value),
    );
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
