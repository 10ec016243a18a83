import type { IpAddress, IpFamily } from '#base/ip-address.ts';
import { type IpPrefix, prefixFamily } from '#base/ip-prefix.ts';
import { ANY_IPV4, ANY_IPV6, familyOfPort, type Publication } from './publication.ts';

/** A bridge of this engine, as the firewall sees it. */
export interface FirewallBridge {
  readonly name: string;
  /** At most one a family. */
  readonly subnets: readonly IpPrefix[];
  /** Whether containers on it may talk to each other. */
  readonly icc: boolean;
  /** Whether packets of its containers leave with the host's addresses (masquerading). */
  readonly masquerades: boolean;
  /** Whether nothing leaves it. */
  readonly isInternal: boolean;
}

/** A published port and the container's address that it leads to, of the same family. */
export interface FirewallRule extends Publication {
  readonly containerAddress: IpAddress;
}

export interface FirewallState {
  readonly table: string;
  readonly bridges: readonly FirewallBridge[];
  readonly rules: readonly FirewallRule[];
  /** Whether the kernel can bring back what containers answer to the host's `::1`. */
  readonly translatesLoopback6: boolean;
  /** Mark forwarded packets of ours, for a rule in another firewall that accepts them. */
  readonly mark: boolean;
}

/** The mark is in the top byte, which leaves the rest to other programs. */
export const PACKET_MARK = { value: 0x4d000000, mask: 0xff000000 } as const;

/**
 * Commands for nft(8) that replace the table, whatever is in it, in one transaction.
 *
 * The chains are fixed; publishing a port is one element of a map, a bridge is one element of each set.
 * - `publish` sends what arrives for an address of the host to the container, also from the host itself; a port that
 *   is published on a certain address comes before one that is published everywhere.
 * - `raw_prerouting` keeps everything but the host itself from the host's loopback: `route_localnet` would let
 *   containers reach it, and ports published on 127.0.0.1 would be translated for other machines too.
 * - `postrouting` hides containers behind the host, and the host's loopback and a container that calls itself
 *   through the host (hairpin) behind the bridge.
 * - `forward` lets nothing into a bridge but answers, published ports and, if wanted, its own containers; and nothing
 *   out of an internal one.
 */
export function renderRuleset(state: FirewallState): string {
  return [
    `table inet ${state.table} {`,
    '}',
    `delete table inet ${state.table}`,
    `table inet ${state.table} {`,
    ...renderSets(state),
    ...CHAINS,
    ...outputChain(state),
    ...(state.mark ? MARK_CHAIN : []),
    '}',
    '',
  ].join('\n');
}

function renderSets({ bridges, rules }: FirewallState): readonly string[] {
  const elements = Map.groupBy(rules, (rule) => mapKey(rule).map);
  return [
    ...PORT_MAPS.flatMap(({ name, type }) =>
      set(`map ${name}`, type, (elements.get(name) ?? []).map(mapElement)),
    ),
    ...BRIDGE_SETS.flatMap(({ name, type, elements: elementsOf }) =>
      set(`set ${name}`, type, bridges.flatMap(elementsOf)),
    ),
  ];
}

/** By family, for ports that are published on every address and for those on a certain one. */
const PORT_MAPS = (['ipv4', 'ipv6'] as const).flatMap((family) => [
  {
    name: `published_${family}`,
    type: `type inet_proto . inet_service : ${family}_addr . inet_service;`,
  },
  {
    name: `published_on_${family}`,
    type: `type ${family}_addr . inet_proto . inet_service : ${family}_addr . inet_service;`,
  },
]);

function set(name: string, type: string, elements: readonly string[]): readonly string[] {
  const content = elements.length > 0 ? [`    elements = { ${elements.join(', ')} }`] : [];
  return [`  ${name} {`, `    ${type}`, ...content, '  }'];
}

interface BridgeSet {
  readonly name: string;
  readonly type: string;
  /** None where the bridge is not in the set. */
  readonly elements: (bridge: FirewallBridge) => readonly string[];
}

/** What the chains ask about bridges. */
const BRIDGE_SETS: readonly BridgeSet[] = [
  { name: 'bridges', type: 'type ifname;', elements: ({ name }) => [`"${name}"`] },
  ...(['ipv4', 'ipv6'] as const).flatMap((family) => [
    {
      name: `subnets_${family}`,
      type: `type ${family}_addr; flags interval;`,
      elements: (bridge: FirewallBridge) => (bridge.masquerades ? subnetsOf(bridge, family) : []),
    },
    {
      name: `homes_${family}`,
      type: `type ${family}_addr . ifname; flags interval;`,
      elements: (bridge: FirewallBridge) =>
        subnetsOf(bridge, family).map((subnet) => `${subnet} . "${bridge.name}"`),
    },
  ]),
  {
    name: 'icc',
    type: 'type ifname . ifname;',
    elements: ({ name, icc }) => (icc ? [`"${name}" . "${name}"`] : []),
  },
  {
    name: 'internal',
    type: 'type ifname;',
    elements: ({ name, isInternal }) => (isInternal ? [`"${name}"`] : []),
  },
];

function subnetsOf({ subnets }: FirewallBridge, family: IpFamily): readonly IpPrefix[] {
  return subnets.filter((subnet) => prefixFamily(subnet) === family);
}

export function renderBridge(action: 'add' | 'delete', table: string, bridge: FirewallBridge): string {
  return BRIDGE_SETS.flatMap(({ name, elements }) =>
    elements(bridge).map((element) => `${action} element inet ${table} ${name} { ${element} }\n`),
  ).join('');
}

/** The map that a rule belongs to, and its key there. */
function mapKey(rule: FirewallRule): { readonly map: string; readonly key: string } {
  const service = `${rule.protocol} . ${rule.hostPort}`;
  const family = familyOfPort(rule);
  if (rule.hostAddress === ANY_IPV4 || rule.hostAddress === ANY_IPV6) {
    return { map: `published_${family}`, key: service };
  }
  return { map: `published_on_${family}`, key: `${rule.hostAddress} . ${service}` };
}

function mapElement(rule: FirewallRule): string {
  return `${mapKey(rule).key} : ${rule.containerAddress} . ${rule.port}`;
}

export function renderPublish(table: string, rules: readonly FirewallRule[]): string {
  return rules
    .map((rule) => `add element inet ${table} ${mapKey(rule).map} { ${mapElement(rule)} }\n`)
    .join('');
}

export function renderUnpublish(table: string, rules: readonly FirewallRule[]): string {
  const commands = rules
    .map(mapKey)
    .map(({ map, key }) => `delete element inet ${table} ${map} { ${key} }\n`);
  return commands.join('');
}

const CHAINS: readonly string[] = [
  '  chain publish {',
  '    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @published_on_ipv4',
  '    meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @published_ipv4',
  '    meta l4proto { tcp, udp, sctp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @published_on_ipv6',
  '    meta l4proto { tcp, udp, sctp } dnat ip6 to meta l4proto . th dport map @published_ipv6',
  '  }',
  '  chain raw_prerouting {',
  '    type filter hook prerouting priority raw; policy accept;',
  '    iifname != "lo" ip daddr 127.0.0.0/8 drop',
  '    iifname != "lo" ip6 daddr ::1 drop',
  '  }',
  '  chain prerouting {',
  '    type nat hook prerouting priority dstnat; policy accept;',
  '    fib daddr type local jump publish',
  '  }',
  '  chain postrouting {',
  '    type nat hook postrouting priority srcnat; policy accept;',
  '    oifname @bridges ip saddr 127.0.0.0/8 masquerade',
  '    oifname @bridges ip6 saddr ::1 masquerade',
  '    ip saddr . oifname @homes_ipv4 ct status dnat masquerade',
  '    ip6 saddr . oifname @homes_ipv6 ct status dnat masquerade',
  '    ip saddr . oifname @homes_ipv4 return',
  '    ip6 saddr . oifname @homes_ipv6 return',
  '    ip saddr @subnets_ipv4 masquerade',
  '    ip6 saddr @subnets_ipv6 masquerade',
  '  }',
  '  chain forward {',
  '    type filter hook forward priority filter; policy accept;',
  '    iifname @internal jump from_internal',
  '    oifname @bridges jump to_bridge',
  '  }',
  '  chain from_internal {',
  '    iifname . oifname @icc return',
  '    drop',
  '  }',
  '  chain to_bridge {',
  '    ct state established,related accept',
  '    ct status dnat accept',
  '    iifname . oifname @icc accept',
  '    drop',
  '  }',
];

function outputChain({ translatesLoopback6 }: FirewallState): readonly string[] {
  return [
    '  chain output {',
    '    type nat hook output priority -100; policy accept;',
    ...(translatesLoopback6 ? [] : ['    ip6 daddr ::1 return']),
    '    fib daddr type local jump publish',
    '  }',
  ];
}

const hexadecimal = (value: number) => `0x${(value >>> 0).toString(16)}`;
const SET_MARK = `meta mark set meta mark & ${hexadecimal(~PACKET_MARK.mask)} | ${hexadecimal(PACKET_MARK.value)}`;

/** This chain runs before those of iptables, which have the priority `filter`. */
const MARK_CHAIN: readonly string[] = [
  '  chain mark_forwarded {',
  '    type filter hook forward priority filter - 5; policy accept;',
  `    iifname @bridges ${SET_MARK}`,
  `    oifname @bridges ${SET_MARK}`,
  '  }',
];
