import { createHash } from 'node:crypto';
import type { RouteQueue } from '#linux/route-queue.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { createVeth, setBridgePort, setLinkMaster } from '#linux/rtnetlink-messages.ts';
import type { Socket } from './network-driver.ts';
import { readSysctl, writeOptionalSysctl } from './sysctl.ts';
import type { UnpluggedLinks } from './unplugged-links.ts';

/** The bridge that a cable leads to. */
export interface Plug {
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

/** The host's ends of the cables of one engine. */
export class HostLinks {
  readonly #prefix: string;
  readonly #queue: RouteQueue;
  readonly #unplugged: UnpluggedLinks;
  /** Of the links of an earlier daemon, by name. */
  readonly #masters = new Map<string, number | undefined>();

  /** @param bridgeName of the engine's default bridge, by which engines of one host are told apart */
  constructor(bridgeName: string, queue: RouteQueue, unplugged: UnpluggedLinks) {
    this.#prefix = linkPrefix(bridgeName);
    this.#queue = queue;
    this.#unplugged = unplugged;
  }

  /** @param suffix eight hexadecimal digits, unique among the links of the engine */
  nameOf(suffix: string): string {
    return `${this.#prefix}${suffix}`;
  }

  /**
   * Creates a cable: its far end is born in a namespace, its near end as a port of a bridge. Hairpin, because with
   * br_netfilter a container that reaches itself by a published port gets its frames back by the port they came
   * from. The near end carries frames alone and needs no IPv6 of its own. A thread of the pool waits for the kernel.
   */
  async connect(suffix: string, plug: Plug, far: Socket & { readonly macAddress: string }): Promise<void> {
    const name = this.nameOf(suffix);
    await this.#queue.request(
      createVeth({
        name,
        peerName: far.interfaceName,
        peerNamespaceFd: far.namespaceFd,
        peerMac: far.macAddress,
        masterIndex: plug.bridgeIndex,
        mtu: plug.mtu,
        up: true,
      }),
      setBridgePort(name, { hairpin: true, isolated: isolates(plug) }),
    );
    writeOptionalSysctl(`net.ipv6.conf.${name}.disable_ipv6`, '1');
  }

  /** Makes the near end of a cable that is there a port of the bridge, which may be a new one. */
  reconnect(suffix: string, plug: Plug): void {
    const name = this.nameOf(suffix);
    using route = RouteSocket.open();
    route.request(
      setLinkMaster(name, plug.bridgeIndex),
      setBridgePort(name, { hairpin: true, isolated: isolates(plug) }),
    );
  }

  /** The kernel deletes a cable with the namespace of its far end; where that stays, it is deleted a little later. */
  disconnect(suffix: string): void {
    this.#unplugged.add(this.nameOf(suffix));
  }

  /** Whether the near end was a port of that bridge when {@link survey} looked. */
  wasConnected(suffix: string, bridgeIndex: number): boolean {
    return this.#masters.get(this.nameOf(suffix)) === bridgeIndex;
  }

  /** Looks at the links of an earlier daemon, and deletes a little later those that none of these suffixes names. */
  survey(live: ReadonlySet<string>): void {
    using route = RouteSocket.open();
    for (const { name, masterIndex } of route.listLinks()) {
      const suffix = name.slice(this.#prefix.length);
      if (!name.startsWith(this.#prefix) || suffix.length !== SUFFIX_LENGTH) continue;
      if (live.has(suffix)) this.#masters.set(name, masterIndex);
      else this.#unplugged.add(name);
    }
  }
}

/**
 * Without icc the ports are isolated from each other; with br_netfilter that would cut off published ports too, and
 * the firewall, which sees bridged packets then, does it instead.
 */
function isolates({ icc }: Plug): boolean {
  return !icc && readSysctl('net.bridge.bridge-nf-call-iptables') !== '1';
}
