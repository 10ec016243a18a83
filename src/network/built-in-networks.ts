import { type InterfaceAddress, parseInterfaceAddress, subnetOf } from '#base/ip-prefix.ts';
import type { Endpoint, NetworksEnvironment, NetworksOptions, NetworkSpec, PoolSpec } from './network.ts';

/** What clients call the default bridge, whatever its link is called. */
export const DEFAULT_NETWORK = 'bridge';

type Options = NetworksOptions & Pick<NetworksEnvironment, 'restore' | 'logger'>;

/** The networks that the engine makes itself, as its configuration has them at this start. */
export function builtInNetworks(options: Options): readonly NetworkSpec[] {
  const { bridgeName: linkName, icc, iptables: masquerades, defaultBindAddress } = options;
  const bindAddress = defaultBindAddress || '0.0.0.0';
  const gateway = wantedGateway(options);
  const pools: readonly PoolSpec[] = gateway ? [{ subnet: subnetOf(gateway), gateway: gateway.address }] : [];
  const driver = { kind: 'bridge', linkName, icc, masquerades, bindAddress } as const;
  return [
    { ...PLAIN, name: DEFAULT_NETWORK, driver, pools },
    { ...PLAIN, name: 'host', driver: { kind: 'host' } },
    { ...PLAIN, name: 'none', driver: { kind: 'null' } },
  ];
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
  const [gateway] = gateways;
  const [own] = addresses;
  return gateway && own && { address: gateway, prefixLength: own.prefixLength };
}
