import { type Attribute, macBytes, u16, u32 } from './netlink-attributes.ts';
import { IFLA, linkBody, linkInfo, newLink } from './rtnetlink-links.ts';
import { optional, type RouteMessage } from './rtnetlink-message.ts';

/** <linux/if_link.h> */
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_VLAN_ID = 1;

/** A dummy interface: it exists and carries nothing (the parent of internal macvlan networks). */
export function createDummy(options: {
  readonly name: string;
  readonly mtu?: number | undefined;
}): RouteMessage {
  const attributes = [...optional(IFLA.mtu, options.mtu, u32), linkInfo('dummy')];
  return newLink(options.name, linkBody(options.name, attributes));
}

export interface VlanOptions {
  readonly name: string;
  readonly parentIndex: number;
  /** 1 to 4094. */
  readonly id: number;
}

/** An IEEE 802.1Q interface on top of another (`eth0.10`). */
export function createVlan(options: VlanOptions): RouteMessage {
  const attributes: readonly Attribute[] = [
    [IFLA.link, u32(options.parentIndex)],
    linkInfo('vlan', [[IFLA_VLAN_ID, u16(options.id)]]),
  ];
  return newLink(options.name, linkBody(options.name, attributes));
}

/** <linux/if_link.h>: enum macvlan_mode. */
const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

export interface MacvlanOptions {
  readonly name: string;
  readonly parentIndex: number;
  readonly mode: keyof typeof MACVLAN_MODES;
  readonly mac?: string | undefined;
  readonly namespaceFd?: number | undefined;
  readonly mtu?: number | undefined;
}

/** An interface with a MAC address of its own on a parent. */
export function createMacvlan(options: MacvlanOptions): RouteMessage {
  const attributes: readonly Attribute[] = [
    [IFLA.link, u32(options.parentIndex)],
    ...optional(IFLA.mtu, options.mtu, u32),
    ...optional(IFLA.address, options.mac, macBytes),
    ...optional(IFLA.namespaceFd, options.namespaceFd, u32),
    linkInfo('macvlan', [[IFLA_MACVLAN_MODE, u32(MACVLAN_MODES[options.mode])]]),
  ];
  return newLink(options.name, linkBody(options.name, attributes));
}

/** <linux/if_link.h>: enum ipvlan_mode. */
const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;

export interface IpvlanOptions {
  readonly name: string;
  readonly parentIndex: number;
  readonly mode: keyof typeof IPVLAN_MODES;
  readonly namespaceFd?: number | undefined;
  readonly mtu?: number | undefined;
}

/** An interface that shares its parent's MAC address. */
export function createIpvlan(options: IpvlanOptions): RouteMessage {
  const attributes: readonly Attribute[] = [
    [IFLA.link, u32(options.parentIndex)],
    ...optional(IFLA.mtu, options.mtu, u32),
    ...optional(IFLA.namespaceFd, options.namespaceFd, u32),
    linkInfo('ipvlan', [[IFLA_IPVLAN_MODE, u16(IPVLAN_MODES[options.mode])]]),
  ];
  return newLink(options.name, linkBody(options.name, attributes));
}
