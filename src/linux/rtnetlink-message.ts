import type { Attribute } from './netlink-attributes.ts';

/** A request to the kernel's routing and link tables (rtnetlink(7)), and the words for its failure. */
export interface RouteMessage {
  readonly type: number;
  /** Beside NLM_F_REQUEST and NLM_F_ACK, which the socket adds. */
  readonly flags: number;
  readonly body: Buffer;
  /** "create", "configure", …, for "Cannot <action> <subject>". */
  readonly action: string;
  readonly subject: string;
}

/** <linux/rtnetlink.h> */
export const RTM = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newRoute: 24,
  getRoute: 26,
} as const;

/** <linux/netlink.h> */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

/** An attribute if its value is there. */
export function optional<T>(
  type: number,
  value: T | undefined,
  encode: (value: T) => Buffer,
): readonly Attribute[] {
  return value === undefined ? [] : [[type, encode(value)]];
}
