import { bareEndpoint } from './endpoint.ts';
import type { NetworkCarrier, NetworkDriver, NetworkPlan } from './network-driver.ts';
import type { NetworkRecord } from './network.ts';

/** `--network host`: no namespace at all. */
export const hostDriver: NetworkDriver = {
  kind: 'host',
  namespace: 'host',
  plan: (): NetworkPlan => ({ driver: { kind: 'host' }, pools: [] }),
  checkHost: () => {},
  create: plainCarrier,
  open: plainCarrier,
};

/** `--network none`: a namespace with loopback only. */
export const nullDriver: NetworkDriver = {
  kind: 'null',
  namespace: 'own',
  plan: (): NetworkPlan => ({ driver: { kind: 'null' }, pools: [] }),
  checkHost: () => {},
  create: plainCarrier,
  open: plainCarrier,
};

/** Of a network that could not be opened: nothing can be on it, for the reason that its opening failed. */
export function closedCarrier(record: NetworkRecord, reason: unknown): NetworkCarrier {
  return {
    ...plainCarrier(record),
    createEndpoint: () => {
      throw reason;
    },
  };
}

function plainCarrier(record: NetworkRecord): NetworkCarrier {
  return {
    interfacePrefix: undefined,
    createEndpoint: (attachment) => bareEndpoint(record, attachment),
    adoptEndpoint: () => {},
    repairEndpoint: () => {},
    releaseEndpoint: () => {},
    createInterface: () => Promise.resolve(),
    removeInterface: () => {},
    remove: () => {},
  };
}
