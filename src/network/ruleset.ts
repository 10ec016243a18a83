import { ANY_IPV4, type Publication } from './publication.ts';

/** A bridge of this engine, as the firewall sees it. */
export interface FirewallBridge {
  readonly name: string;
  /** `172.17.0.0/16` */
  readonly subnet: string;
  /** Whether containers on it may talk to each other. */
  readonly icc: boolean;
  /** Whether packets of its containers leave with the host's addresses (masquerading). */
  readonly masquerades: boolean;
  /** Whether nothing leaves it. */
  readonly isInternal: boolean;
}

/** A published port and the container's address that it leads to. IPv4 on both sides. */
export interface FirewallRule extends Publication {
  readonly containerAddress: string;
}

export interface FirewallState {
  readonly table: string;
  readonly bridges: readonly FirewallBridge[];
  readonly rules: readonly FirewallRule[];
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
    ...(state.mark ? MARK_CHAIN : []),
    '}',
    '',
  ].join('\n');
}

function renderSets({ bridges, rules }: FirewallState): readonly string[] {
  const everywhere = rules.filter((rule) => rule.hostAddress === ANY_IPV4);
  const somewhere = rules.filter((rule) => rule.hostAddress !== ANY_IPV4);
  return [
    ...set('map published', EVERYWHERE_TYPE, everywhere.map(mapElement)),
    ...set('map published_on', SOMEWHERE_TYPE, somewhere.map(mapElement)),
    ...BRIDGE_SETS.flatMap(({ name, type, element }) =>
      set(
        `set ${name}`,
        type,
        bridges.flatMap((bridge) => element(bridge) ?? []),
      ),
    ),
  ];
}

const EVERYWHERE_TYPE = 'type inet_proto . inet_service : ipv4_addr . inet_service;';
const SOMEWHERE_TYPE = 'type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;';

function set(name: string, type: string, elements: readonly string[]): readonly string[] {
  const content = elements.length > 0 ? [`    elements = { ${elements.join(', ')} }`] : [];
  return [`  ${name} {`, `    ${type}`, ...content, '  }'];
}

interface BridgeSet {
  readonly name: string;
  readonly type: string;
  readonly element: (bridge: FirewallBridge) => string | undefined;
}

/** What the chains ask about bridges. */
const BRIDGE_SETS: readonly BridgeSet[] = [
  { name: 'bridges', type: 'type ifname;', element: ({ name }) => `"${name}"` },
  {
    name: 'subnets',
    type: 'type ipv4_addr; flags interval;',
    element: ({ subnet, masquerades }) => (masquerades ? subnet : undefined),
  },
  {
    name: 'homes',
    type: 'type ipv4_addr . ifname; flags interval;',
    element: ({ name, subnet }) => `${subnet} . "${name}"`,
  },
  {
    name: 'icc',
    type: 'type ifname . ifname;',
    element: ({ name, icc }) => (icc ? `"${name}" . "${name}"` : undefined),
  },
  {
    name: 'internal',
    type: 'type ifname;',
    element: ({ name, isInternal }) => (isInternal ? `"${name}"` : undefined),
  },
];

export function renderBridge(action: 'add' | 'delete', table: string, bridge: FirewallBridge): string {
  const commands = BRIDGE_SETS.map(({ name, element }) => {
    const value = element(bridge);
    return value === undefined ? '' : `${action} element inet ${table} ${name} { ${value} }\n`;
  });
  return commands.join('');
}

/** The map that a rule belongs to, and its key there. */
function mapKey(rule: FirewallRule): { readonly map: string; readonly key: string } {
  const service = `${rule.protocol} . ${rule.hostPort}`;
  if (rule.hostAddress === ANY_IPV4) return { map: 'published', key: service };
  return { map: 'published_on', key: `${rule.hostAddress} . ${service}` };
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
  '    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @published_on',
  '    meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @published',
  '  }',
  '  chain raw_prerouting {',
  '    type filter hook prerouting priority raw; policy accept;',
  '    iifname != "lo" ip daddr 127.0.0.0/8 drop',
  '    iifname != "lo" ip6 daddr ::1 drop',
  '  }',
  '  chain prerouting {',
  '    type nat hook prerouting priority dstnat; policy accept;',
  '    meta nfproto ipv4 fib daddr type local jump publish',
  '  }',
  '  chain output {',
  '    type nat hook output priority -100; policy accept;',
  '    meta nfproto ipv4 fib daddr type local jump publish',
  '  }',
  '  chain postrouting {',
  '    type nat hook postrouting priority srcnat; policy accept;',
  '    oifname @bridges ip saddr 127.0.0.0/8 masquerade',
  '    ip saddr . oifname @homes ct status dnat masquerade',
  '    ip saddr . oifname @homes return',
  '    ip saddr @subnets masquerade',
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
