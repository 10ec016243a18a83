/** How a container asks to be connected. */

/** One network that a container is to be on. */
export interface NetworkAttachment {
  /** Name, id or prefix of the id. */
  readonly network: string;
  /** Further names by which others on this network find the container. */
  readonly aliases: readonly string[];
  /** Absent: the network gives one. */
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly linkLocalAddresses: readonly string[];
  /** Absent: derived from the address. */
  readonly macAddress?: string;
  readonly driverOptions: Readonly<Record<string, string>>;
}
