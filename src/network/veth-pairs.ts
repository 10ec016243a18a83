import { createHash } from 'node:crypto';
import type { RouteQueue } from '#linux/route-queue.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { createVeth, setBridgePort, setLinkMaster } from '#linux/rtnetlink-messages.ts';
import type { LinkReaper } from './link-reaper.ts';
import type { InterfaceTarget } from './network-driver.ts';
import { readSysctl } from './sysctl.ts';

/** What the host's end of a pair is a port of. */
export interface BridgePort {
  readonly bridgeIndex: number;
  readonly mtu: number;
  /** Whether the ports of the bridge may talk to each other. */
  readonly icc: boolean;
}

/** Hexadecimal digits: names of links have 15 bytes at most. */
const SUFFIX_LENGTH = 8;

/** Names of the links that one engine has on the host for its endpoints start with it. */
export function linkPrefix(bridgeName: string): string {
  return `cs${createHash('sha256').update(bridgeName).digest('hex').slice(0, 4)}`;
}

/** The veth pairs (veth(4)) that connect the sandboxes of one engine to its bridges. */
export class VethPairs {
  readonly #prefix: string;
  readonly #queue: RouteQueue;
  readonly #reaper: LinkReaper;
  /** The bridges of an earlier daemon's links, by the name of the link. */
  readonly #masters = new Map<string, number | undefined>();

  /** @param bridgeName of the engine's default bridge, by which engines of one host are told apart */
  constructor(bridgeName: string, queue: RouteQueue, reaper: LinkReaper) {
    this.#prefix = linkPrefix(bridgeName);
    this.#queue = queue;
    this.#reaper = reaper;
  }

  /** @param suffix eight hexadecimal digits, unique among the links of the engine */
  nameOf(suffix: string): string {
    return `${this.#prefix}${suffix}`;
  }

  /**
   * Creates a pair: the container's end is born in its namespace, the host's end as a port of a bridge. Hairpin,
   * because with br_netfilter a container that reaches itself by a published port gets its frames back by the port they
   * came from. The host's end carries frames alone and needs no IPv6 of its own. A thread of the pool waits for the
   * kernel.
   */
  async create(
    suffix: string,
    port: BridgePort,
    target: InterfaceTarget & { readonly macAddress: string },
  ): Promise<void> {
    const name = this.nameOf(suffix);
    await this.#queue.request(
      createVeth({
        name,
        peerName: target.interfaceName,
        peerNamespaceFd: target.namespaceFd,
        peerMac: target.macAddress,
        masterIndex: port.bridgeIndex,
        mtu: port.mtu,
        up: true,
      }),
      setBridgePort(name, {
        hairpin: true,
        isolated: isolates(port),
        withoutLinkLocal: port.mtu >= MINIMUM_IPV6_MTU && hasIpv6(),
      }),
    );
  }

  /** Makes the host's end of a pair that is there a port of the bridge, which may be a new one. */
  attach(suffix: string, port: BridgePort): void {
    const name = this.nameOf(suffix);
    using route = RouteSocket.open();
    route.request(
      setLinkMaster(name, port.bridgeIndex),
      setBridgePort(name, { hairpin: true, isolated: isolates(port) }),
    );
  }

  /**
   * The kernel deletes a pair with the namespace of the container's end; where that stays, it is deleted a little
   * later.
   *
   * @param gone is called then
   */
  remove(suffix: string, gone: () => void): void {
    this.#reaper.reap(this.nameOf(suffix), gone);
  }

  /** Looks which of the removed pairs are gone by now. */
  look(): void {
    this.#reaper.look();
  }

  /** Whether the host's end was a port of that bridge when {@link survey} looked. */
  wasAttached(suffix: string, bridgeIndex: number): boolean {
    return this.#masters.get(this.nameOf(suffix)) === bridgeIndex;
  }

  /** Looks at the links of an earlier daemon, and deletes a little later those that none of these suffixes names. */
  survey(live: ReadonlySet<string>): void {
    using route = RouteSocket.open();
    for (const { name, masterIndex } of route.listLinks()) {
      const suffix = name.slice(this.#prefix.length);
      if (!name.startsWith(this.#prefix) || suffix.length !== SUFFIX_LENGTH) continue;
      if (live.has(suffix)) this.#masters.set(name, masterIndex);
      else this.#reaper.reap(name);
    }
  }
}

/** A link that carries less has no IPv6 (RFC 8200). */
const MINIMUM_IPV6_MTU = 1280;

/** The setting of a link would do as well, but writing it spins on the event loop while another thread makes links. */
function hasIpv6(): boolean {
  return readSysctl('net.ipv6.conf.default.disable_ipv6') !== undefined;
}

/**
 * Without icc the ports are isolated from each other; with br_netfilter that would cut off published ports too, and
 * the firewall, which sees bridged packets then, does it instead.
 */
function isolates({ icc }: BridgePort): boolean {
  return !icc && readSysctl('net.bridge.bridge-nf-call-iptables') !== '1';
}
