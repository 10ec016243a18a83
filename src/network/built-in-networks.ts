import { familyOf } from '#base/ip-address.ts';
import { type InterfaceAddress, parseInterfaceAddress, parsePrefix, subnetOf } from '#base/ip-prefix.ts';
import type { Endpoint, NetworksEnvironment, NetworksOptions, NetworkSpec, PoolSpec } from './network.ts';

/** What clients call the default bridge, whatever its link is called. */
export const DEFAULT_NETWORK = 'bridge';

type Options = NetworksOptions & Pick<NetworksEnvironment, 'restore' | 'logger'>;

/** The networks that the engine makes itself, as its configuration has them at this start. */
export function builtInNetworks(options: Options): readonly NetworkSpec[] {
  const { bridgeName: linkName, icc, iptables, defaultBindAddress, mtu } = options;
  const bindAddress = defaultBindAddress || '0.0.0.0';
  const gateway = wantedGateway(options);
  const masquerades = iptables && options.masquerades;
  const link = { linkName, icc, masquerades, bindAddress, ...(mtu !== undefined && { mtu }) };
  const driver = { kind: 'bridge', ...link } as const;
  const bridge = { ...PLAIN, name: DEFAULT_NETWORK, driver, pools: poolsOf(options, gateway) };
  return [
    ...(options.hasDefaultBridge ? [bridge] : []),
    { ...PLAIN, name: 'host', driver: { kind: 'host' } },
    { ...PLAIN, name: 'none', driver: { kind: 'null' } },
  ];
}

function poolsOf(options: Options, gateway: InterfaceAddress | undefined): readonly PoolSpec[] {
  const pool = poolOf(options, gateway);
  if (!options.ipv6) return [pool];
  const { bridgeSubnet6: subnet } = options;
  return [pool, subnet === undefined ? { family: 'ipv6' } : { subnet: parsePrefix(subnet) }];
}

/** Without an address of the bridge, the range of its containers is its subnet. */
function poolOf({ addressRange }: Options, gateway: InterfaceAddress | undefined): PoolSpec {
  const range = addressRange === undefined ? undefined : parsePrefix(addressRange);
  if (!gateway) return range === undefined ? {} : { subnet: range };
  return { subnet: subnetOf(gateway), gateway: gateway.address, ...(range !== undefined && { range }) };
}

const PLAIN = { pools: [], isInternal: false, isAttachable: false, labels: {}, askedOptions: {} } as const;

/** Running containers decide where their gateway is; then the configuration does. */
function wantedGateway({ restore, bridgeAddress, logger }: Options): InterfaceAddress | undefined {
  const wanted = bridgeAddress === undefined ? undefined : parseInterfaceAddress(bridgeAddress);
  const endpoint = restore
    .flatMap(({ endpoints }) => endpoints)
    .find(({ networkName, gateways }) => networkName === DEFAULT_NETWORK && gateways.length > 0);
  const present = endpoint && gatewayOf(endpoint);
  if (!present) return wanted;
  if (wanted && wanted.address !== present.address) {
    logger.warn('running containers keep the bridge address as it is', { wanted: bridgeAddress });
  }
  return present;
}

function gatewayOf({ gateways, addresses }: Endpoint): InterfaceAddress | undefined {
  const gateway = gateways.find((address) => familyOf(address) === 'ipv4');
  const own = addresses.find(({ address }) => familyOf(address) === 'ipv4');
  return gateway && own && { address: gateway, prefixLength: own.prefixLength };
}
