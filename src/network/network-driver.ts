/**
 * The contract between networks and what carries them. A driver makes endpoints: it claims their addresses and lets
 * their interfaces be born in a namespace that it is given. Routes, names, published ports and files are the
 * sandbox's; a driver does not know them.
 *
 * ```ts
 * const record = { ...spec, id, createdAt, isBuiltIn: false, ...driver.plan(spec, id) };
 * save(record);
 * const carrier = driver.create(record);                   // the link on the host; `open` at every later start
 * const endpoint = carrier.createEndpoint(attachment);     // addresses, MAC, id: nothing in the kernel yet
 * await carrier.createInterface(endpoint, { namespaceFd, interfaceName: 'eth0' });
 * carrier.removeInterface(endpoint);                       // the link goes, soon
 * carrier.releaseEndpoint(endpoint);                       // its addresses are free
 * carrier.remove();
 * ```
 */
import type { NetworkAttachment } from './attachment.ts';
import type { DriverKind, Endpoint, NetworkRecord, NetworkSpec, Pool } from './network.ts';

/** What a driver decides of a network when it is created. */
export type NetworkPlan = Pick<NetworkRecord, 'driver'> & { readonly pools: readonly Pool[] };

/** One kind of networks. */
export interface NetworkDriver {
  readonly kind: DriverKind;
  /** Where sandboxes live: in a namespace of their own, or in the host's, which no other network can join. */
  readonly namespace: 'own' | 'host';
  /**
   * Completes a spec; nothing is made yet.
   *
   * @throws {EngineError} `no-free-subnet`, `subnet-in-use`, `subnet-invalid`
   */
  plan(spec: NetworkSpec, id: string): NetworkPlan;
  /**
   * Looks, before a network of a user's is recorded, that nothing on the host has what it would take over.
   *
   * @throws {EngineError} `link-in-the-way`
   */
  checkHost(record: NetworkRecord): void;
  /**
   * Makes what a new network needs on the host.
   *
   * @throws {EngineError} `subnet-in-use` where another program took the subnet since it was planned: plan again
   */
  create(record: NetworkRecord): NetworkCarrier;
  /** The same for a network that was created before; what is there already is adopted. @throws {EngineError} */
  open(record: NetworkRecord): NetworkCarrier;
}

/** Where an interface is to be born. */
export interface InterfaceTarget {
  readonly namespaceFd: number;
  readonly interfaceName: string;
}

/** One network on this host. */
export interface NetworkCarrier {
  /**
   * What its interfaces are called, before their number. Undefined: its endpoints have neither interface nor addresses,
   * and there is nothing to resolve or publish.
   */
  readonly interfacePrefix: string | undefined;
  /** Claims what the attachment asks for, or what is free. @throws {EngineError} `exhausted`, `conflict`, `invalid` */
  createEndpoint(attachment: NetworkAttachment): Endpoint;
  /** Claims the addresses of an endpoint of an earlier daemon. One that is cut off is connected again. */
  adoptEndpoint(endpoint: Endpoint): void;
  /** Makes sure of all that connects an adopted endpoint; takes longer, and is most likely in order. */
  repairEndpoint(endpoint: Endpoint): void;
  /** Idempotent. */
  releaseEndpoint(endpoint: Endpoint): void;
  /** The interface is born in the namespace: down, with its MAC address, without addresses. @throws {EngineError} */
  createInterface(endpoint: Endpoint, target: InterfaceTarget): Promise<void>;
  /** Removes what the endpoint has on the host: with the namespace if that is dropped, otherwise a little later. */
  removeInterface(endpoint: Endpoint): void;
  /** Takes what the network has off the host. Idempotent; nothing is on it any more. */
  remove(): void;
}
