/** How a container asks to be connected. */

/** One network that a container is to be on: what its endpoint there is made from. */
export interface NetworkAttachment {
  /** Name, id or prefix of the id. */
  readonly network: string;
  /** Further names by which others on this network find the container. */
  readonly aliases: readonly string[];
  /** Absent: the network gives one. */
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  /** Names that only this container has for others on the network: alias to name. */
  readonly links?: Readonly<Record<string, string>>;
  readonly linkLocalAddresses: readonly string[];
  /** Absent: derived from the address. */
  readonly macAddress?: string;
  /** The network with the highest gives the default route; of equal ones the first by name. Absent: 0. */
  readonly gatewayPriority?: number;
  readonly driverOptions: Readonly<Record<string, string>>;
}

/** An attachment that leaves everything to the network. */
export function attachTo(network: string): NetworkAttachment {
  return { network, aliases: [], linkLocalAddresses: [], driverOptions: {} };
}
