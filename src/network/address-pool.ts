import { EngineError } from '#base/errors.ts';
import { broadcastOf, contains, formatIpv4, formatSubnet, type Ipv4, type Subnet } from './ipv4.ts';

/**
 * The addresses of one subnet. It hands them out in ascending order and starts over at the end, so that an address
 * rests as long as possible before it is used again: the kernel removes a stopped container's interface a little
 * after its address was given back.
 *
 * The subnet's first address (the network), its last (broadcast) and the reserved ones are never handed out.
 */
export class AddressPool {
  readonly subnet: Subnet;
  readonly #first: Ipv4;
  readonly #last: Ipv4;
  readonly #reserved: ReadonlySet<Ipv4>;
  readonly #used = new Set<Ipv4>();
  #next: Ipv4;

  constructor(subnet: Subnet, reserved: readonly Ipv4[]) {
    this.subnet = subnet;
    this.#reserved = new Set(reserved);
    // RFC 3021: subnets of one and two addresses have neither network nor broadcast address.
    const margin = subnet.prefixLength > 30 ? 0 : 1;
    this.#first = subnet.base + margin;
    this.#last = broadcastOf(subnet) - margin;
    this.#next = this.#first;
  }

  /** @throws {EngineError} `exhausted` */
  allocate(): Ipv4 {
    const address = this.#findFree(this.#next, this.#last) ?? this.#findFree(this.#first, this.#next - 1);
    if (address === undefined) {
      const subnet = formatSubnet(this.subnet);
      throw new EngineError(
        'exhausted',
        `no available IPv4 addresses on this network's address pools: ${subnet}`,
      );
    }
    this.#take(address);
    return address;
  }

  /**
   * Takes one certain address.
   *
   * @throws {EngineError} `invalid` outside of the subnet, `conflict` if it is in use or reserved
   */
  claim(address: Ipv4): void {
    if (!contains(this.subnet, address)) {
      const text = `${formatIpv4(address)}: not in ${formatSubnet(this.subnet)}`;
      throw new EngineError('invalid', `Cannot use address ${text}`);
    }
    if (!this.#isFree(address)) throw new EngineError('conflict', 'Address already in use');
    this.#take(address);
  }

  /** Idempotent. */
  release(address: Ipv4): void {
    this.#used.delete(address);
  }

  #take(address: Ipv4): void {
    this.#used.add(address);
    this.#next = address < this.#last ? address + 1 : this.#first;
  }

  #findFree(from: Ipv4, to: Ipv4): Ipv4 | undefined {
    for (let address = from; address <= to; address++) if (this.#isFree(address)) return address;
    return undefined;
  }

  #isFree(address: Ipv4): boolean {
    const inside = address >= this.#first && address <= this.#last;
    return inside && !this.#used.has(address) && !this.#reserved.has(address);
  }
}
