import type { IpAddress } from '#base/ip-address.ts';

/** A sandbox on a network, as others there find it. */
export interface NamedEndpoint {
  readonly sandboxId: string;
  readonly addresses: readonly IpAddress[];
  /** The first one is what its addresses resolve to. */
  readonly names: readonly string[];
}

/** The names on one network. They are compared without regard to case. */
export class NameTable {
  readonly network: string;
  readonly #endpoints = new Map<string, NamedEndpoint>();
  readonly #byName = new Map<string, Set<NamedEndpoint>>();
  readonly #byAddress = new Map<IpAddress, NamedEndpoint>();

  constructor(network: string) {
    this.network = network;
  }

  /** Adds a sandbox, or replaces what was known of it. */
  set(endpoint: NamedEndpoint): void {
    this.delete(endpoint.sandboxId);
    this.#endpoints.set(endpoint.sandboxId, endpoint);
    for (const address of endpoint.addresses) this.#byAddress.set(address, endpoint);
    for (const name of endpoint.names) {
      const key = name.toLowerCase();
      const holders = this.#byName.get(key);
      if (holders) holders.add(endpoint);
      else this.#byName.set(key, new Set([endpoint]));
    }
  }

  delete(sandboxId: string): void {
    const endpoint = this.#endpoints.get(sandboxId);
    if (!endpoint) return;
    this.#endpoints.delete(sandboxId);
    for (const address of endpoint.addresses) {
      if (this.#byAddress.get(address) === endpoint) this.#byAddress.delete(address);
    }
    for (const name of endpoint.names) {
      const holders = this.#byName.get(name.toLowerCase());
      holders?.delete(endpoint);
      if (holders?.size === 0) this.#byName.delete(name.toLowerCase());
    }
  }

  /** The addresses, of both families, of everything called `name` or `name.NETWORK`. */
  addressesOf(name: string): readonly IpAddress[] {
    const key = name.toLowerCase();
    const suffix = `.${this.network.toLowerCase()}`;
    const holders =
      this.#byName.get(key) ??
      (key.endsWith(suffix) ? this.#byName.get(key.slice(0, -suffix.length)) : undefined);
    return [...(holders ?? [])].flatMap((endpoint) => endpoint.addresses);
  }

  /** `NAME.NETWORK` of the sandbox with the address. */
  nameOf(address: IpAddress): string | undefined {
    const name = this.#byAddress.get(address)?.names[0];
    return name === undefined ? undefined : `${name}.${this.network}`;
  }
}
