/** A container on a network, as others there find it. */
export interface NamedEndpoint {
  readonly containerId: string;
  readonly address: string;
  /** The first one is what its address resolves to. */
  readonly names: readonly string[];
}

/** Who is called what on one network. Names are compared without regard to case. */
export class NameTable {
  readonly network: string;
  readonly #endpoints = new Map<string, NamedEndpoint>();
  readonly #byName = new Map<string, Set<NamedEndpoint>>();
  readonly #byAddress = new Map<string, NamedEndpoint>();

  constructor(network: string) {
    this.network = network;
  }

  /** Adds a container, or replaces what was known of it. */
  set(endpoint: NamedEndpoint): void {
    this.delete(endpoint.containerId);
    this.#endpoints.set(endpoint.containerId, endpoint);
    this.#byAddress.set(endpoint.address, endpoint);
    for (const name of endpoint.names) {
      const key = name.toLowerCase();
      const holders = this.#byName.get(key);
      if (holders) holders.add(endpoint);
      else this.#byName.set(key, new Set([endpoint]));
    }
  }

  delete(containerId: string): void {
    const endpoint = this.#endpoints.get(containerId);
    if (!endpoint) return;
    this.#endpoints.delete(containerId);
    if (this.#byAddress.get(endpoint.address) === endpoint) this.#byAddress.delete(endpoint.address);
    for (const name of endpoint.names) {
      const holders = this.#byName.get(name.toLowerCase());
      holders?.delete(endpoint);
      if (holders?.size === 0) this.#byName.delete(name.toLowerCase());
    }
  }

  /** The addresses of everything called `name` or `name.NETWORK`. */
  addressesOf(name: string): readonly string[] {
    const key = name.toLowerCase();
    const suffix = `.${this.network.toLowerCase()}`;
    const holders =
      this.#byName.get(key) ??
      (key.endsWith(suffix) ? this.#byName.get(key.slice(0, -suffix.length)) : undefined);
    return [...(holders ?? [])].map((endpoint) => endpoint.address);
  }

  /** `NAME.NETWORK` of whoever has the address. */
  nameOf(address: string): string | undefined {
    const name = this.#byAddress.get(address)?.names[0];
    return name === undefined ? undefined : `${name}.${this.network}`;
  }
}
