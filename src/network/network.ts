/**
 * Networks: what a container can reach, what can reach it, and by which names.
 *
 * Vocabulary
 * - A *network* is a record: a name, an id, a driver with its settings, and pools of addresses. The default bridge,
 *   `host` and `none` are records like those that users create.
 * - A *sandbox* is a network namespace with its files (hosts, resolv.conf, hostname) and its view of names. It belongs
 *   to one container, or one step of a build, and knows no driver.
 * - An *endpoint* is a sandbox's interface with its addresses on one network. A *driver* makes endpoints and knows
 *   nothing of sandboxes (`network-driver.ts`).
 * - An *attachment* asks for an endpoint, a *port request* for publications.
 * - A *publication* is a port of the host that leads to a port of a sandbox.
 *
 * Protocol
 * ```ts
 * const plain = { driver: { kind: 'bridge' }, pools: [], isInternal: false, isAttachable: false, labels: {}, askedOptions: {} };
 * const front = await networks.create({ ...plain, name: 'front' });
 * const back = await networks.create({ ...plain, name: 'back', pools: [{ subnet: parsePrefix('10.2.0.0/24') }] });
 * let web = await networks.acquire({ ...request, id, name: 'web', attachments: [attachTo('front')], ports });
 * save(web);                                                    // plain JSON, kept by the owner of the sandbox
 * web = await networks.connect(id, { ...attachTo('back'), gatewayPriority: 1 });
 * save(web);                                                    // eth1; the default route and the names followed
 * networks.rename(id, 'shop');                                  // others on `front` and `back` find it by this name
 * for (const port of web.publications) networks.unpublish(id, publicationKey(port));
 * web = await networks.disconnect(id, front.id);
 * networks.release(web);                                        // when the container has stopped
 * await networks.remove('front');
 * ```
 *
 * Life cycle. A network lives from `create` to `remove`; what it needs on the host is made again at every start of
 * the engine. A sandbox is acquired when its container starts and released when it has stopped. It outlives the
 * engine: the next one is given the records of the containers that run (`NetworksEnvironment.restore`), adopts them,
 * and removes what no live container owns. `acquire`, `connect` and `create` leave nothing behind when they fail.
 *
 * Errors: `network-errors.ts`. What is wrong with a port has the code `internal`, as dockerd answers it.
 */
import type { EmitEvent } from '#base/event.ts';
import type { IpAddress, IpFamily } from '#base/ip-address.ts';
import type { InterfaceAddress, IpPrefix } from '#base/ip-prefix.ts';
import type { Logger } from '#base/log.ts';
import type { Metadata } from '#store/metadata.ts';
import type { NetworkAttachment } from './attachment.ts';
import type { HostsEntry } from './hosts-file.ts';
import type { PortRequest } from './port-spec.ts';
import type { Publication } from './publication.ts';

/** The settings of a driver, by its kind. A new kind of networks is one more variant, and its driver. */
type DriverSettings =
  | ({ readonly kind: 'bridge' } & BridgeSettings)
  /** The host's own network: no namespace at all. */
  | { readonly kind: 'host' }
  /** Loopback only. */
  | { readonly kind: 'null' };

export type DriverKind = DriverSettings['kind'];

export interface BridgeSettings {
  /** The link's name on the host. Absent: derived from the network's id. */
  readonly linkName?: string;
  /** Absent: what the host's way out carries. */
  readonly mtu?: number;
  /** Whether endpoints on the bridge may talk to each other. Absent: yes. */
  readonly icc?: boolean;
  /** Whether packets of its endpoints leave with the host's addresses (masquerading). Absent: yes. */
  readonly masquerades?: boolean;
  /** Where ports are published that ask for no address. Absent: the engine's choice. */
  readonly bindAddress?: string;
  /** What interfaces in sandboxes are called, before their number. Absent: `eth`. */
  readonly interfacePrefix?: string;
}

/** The addresses of one subnet of a network. */
export interface PoolSpec {
  /** Absent: the next of the engine's default pools that the host does not use. */
  readonly subnet?: IpPrefix;
  /** Of a subnet that the engine chooses. Absent: IPv4. */
  readonly family?: IpFamily;
  /** Endpoints that ask for no address get one of these. Absent: of the whole subnet. */
  readonly range?: IpPrefix;
  /** Absent: the first address. */
  readonly gateway?: IpAddress;
  /** Addresses that no endpoint gets, by the name of what has them. */
  readonly reserved?: Readonly<Record<string, IpAddress>>;
}

/** A pool whose choices have been made. */
export interface Pool extends PoolSpec {
  readonly subnet: IpPrefix;
  readonly gateway: IpAddress;
}

/** What a network is to be. */
export interface NetworkSpec {
  readonly name: string;
  readonly driver: DriverSettings;
  /** At most one a family; a family without one has no addresses. Empty: one IPv4 pool of the engine's choice. */
  readonly pools: readonly PoolSpec[];
  /** Nothing outside is reachable from it, or reaches it. */
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** The driver's options in the words of the wire that asked, which alone reads them. */
  readonly askedOptions: Readonly<Record<string, string>>;
}

/** A network as it is stored: plain data (JSON). */
export interface NetworkRecord extends NetworkSpec {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** The engine made it; it cannot be removed. */
  readonly isBuiltIn: boolean;
  /** Complete; none for kinds of networks without addresses. */
  readonly pools: readonly Pool[];
}

/** A network with the endpoints that are on it now. */
export interface NetworkView {
  readonly network: NetworkRecord;
  readonly members: readonly NetworkMember[];
  /** Why nothing can be on it. */
  readonly problem?: string;
}

export interface NetworkMember {
  readonly sandboxId: string;
  /** The container's name. */
  readonly name: string;
  readonly endpoint: Endpoint;
}

/** Which networks are meant: each part that is given must hold. Of several values one must. */
export interface NetworkFilter {
  /** Parts of the name. */
  readonly names?: readonly string[];
  /** Prefixes of the id. */
  readonly ids?: readonly string[];
  readonly drivers?: readonly string[];
  readonly isBuiltIn?: boolean;
  /** Users made it, and nothing is on it. */
  readonly isDangling?: boolean;
  /** `key` or `key=value`: all of them, and none of `lacksLabels`. */
  readonly labels?: readonly string[];
  readonly lacksLabels?: readonly string[];
  readonly createdBefore?: Date;
}

/** One endpoint as it is stored: plain data (JSON). */
export interface Endpoint {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly networkId: string;
  readonly networkName: string;
  /** At most one a family; the gateway of a family is the network's. */
  readonly addresses: readonly InterfaceAddress[];
  readonly gateways: readonly IpAddress[];
  /** Empty for networks without interfaces of their own. */
  readonly macAddress: string;
  /** In the sandbox: `eth0`. Absent for networks without interfaces of their own. */
  readonly interfaceName?: string;
  /** What the endpoint's links on the host are named after. Absent where there are none. */
  readonly linkSuffix?: string;
  readonly attachment: NetworkAttachment;
}

/** What a sandbox is to be. */
export interface SandboxRequest {
  /** The id of the container or of the step of a build: 64 hexadecimal digits. */
  readonly id: string;
  /** The container's name, without leading slash. */
  readonly name: string;
  readonly hostname: string;
  readonly domainname: string;
  /** The networks `host` and `none` stand alone. */
  readonly attachments: readonly NetworkAttachment[];
  readonly ports: readonly PortRequest[];
  /** Absent in a list: the engine's choice, else the host's. */
  readonly dnsServers: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:address`, where `host-gateway` stands for the host. */
  readonly extraHosts: readonly string[];
  /** What else its /etc/hosts says of other containers. */
  readonly linkedHosts?: readonly HostsEntry[];
  /** Kernel parameters; only those of network namespaces are the sandbox's. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Absent: no files are written. */
  readonly files?: SandboxFilePaths;
}

/** Files that the container finds in its /etc. Their directory is new at every run. */
interface SandboxFilePaths {
  readonly hosts: string;
  readonly resolvConf: string;
  /** Absent: the container keeps its image's. */
  readonly hostname?: string;
}

/** A sandbox as its owner stores it, to have it adopted after a restart: plain data (JSON). */
export interface SandboxRecord {
  readonly id: string;
  /** Where its namespace is pinned; absent where it is the host's. */
  readonly namespacePath?: string;
  readonly endpoints: readonly Endpoint[];
  readonly publications: readonly Publication[];
  readonly request: SandboxRequest;
}

/** The networks themselves. */
export interface NetworkRegistry {
  /**
   * Survives power loss when it resolves.
   *
   * @throws {EngineError} `network-exists`, `network-name-invalid`, `no-free-subnet`, `subnet-in-use`
   */
  create(spec: NetworkSpec): Promise<NetworkRecord>;
  /** @throws {EngineError} `no-such-network`, `network-built-in`, `network-in-use` */
  remove(reference: string): Promise<void>;
  list(filter?: NetworkFilter): readonly NetworkView[];
  /** By name, id or prefix of the id. @throws {EngineError} `no-such-network`, `network-ambiguous` */
  inspect(reference: string): NetworkView;
  /** Removes what users made and nothing is on. @returns the names of what it removed */
  prune(filter: NetworkFilter): Promise<readonly string[]>;
}

/** The sandboxes on them. */
export interface Sandboxes {
  /** What can be said before the container exists. @throws {EngineError} `invalid` with Docker's texts */
  validate(request: Pick<SandboxRequest, 'attachments' | 'extraHosts' | 'dnsServers'>): void;
  /** @throws {EngineError} nothing is left behind then */
  acquire(request: SandboxRequest): Promise<SandboxRecord>;
  /** Gives a live sandbox one more endpoint. @throws {EngineError} nothing is left behind then */
  connect(id: string, attachment: NetworkAttachment): Promise<SandboxRecord>;
  /** @throws {EngineError} `not-connected` */
  disconnect(id: string, network: string): Promise<SandboxRecord>;
  /** Opens further ports. @throws {EngineError} nothing is left behind then */
  publish(id: string, ports: readonly PortRequest[]): SandboxRecord;
  /** Closes one port of the host, by its key (`publication.ts`). Idempotent. */
  unpublish(id: string, publication: string): SandboxRecord;
  /** A live container was renamed: the resolver and inspect answer by the new name. Absent: it has no sandbox. */
  rename(id: string, name: string): SandboxRecord | undefined;
  /** Other containers have other addresses now; the owner of the file writes it. Absent: it has no sandbox. */
  relink(id: string, linkedHosts: readonly HostsEntry[]): SandboxRecord | undefined;
  /** The container has stopped. Idempotent; fast: the kernel finishes in the background. */
  release(sandbox: Pick<SandboxRecord, 'id'>): void;
}

/**
 * Disposing is the daemon's clean stop: sandboxes and rules of running containers stay. What this process did for
 * them itself rests until the next start: names do not resolve, ports published on IPv6 are closed.
 */
export interface Networks extends NetworkRegistry, Sandboxes, AsyncDisposable {
  /** The network of containers that ask for none: `bridge`, or `none` where the engine has no default bridge. */
  readonly defaultNetwork: string;
  /** Removes every sandbox and network, and the firewall's table; then disposes. Containers are cut off. */
  destroy(): Promise<void>;
}

export interface NetworksOptions {
  /** State below here (pinned namespaces): on the run-time directory. */
  readonly runDirectory: string;
  /** `caisson0`. */
  readonly bridgeName: string;
  /** Name of the nftables table (family inet): `caisson`. */
  readonly tableName: string;
  /** `172.17.0.1/16` as in `--bip`; absent: that, or the next free pool. */
  readonly bridgeAddress?: string;
  /** False: there is no default bridge, and containers that ask for no network have none. */
  readonly hasDefaultBridge: boolean;
  /** Of the default bridge: addresses of containers, `172.17.8.0/21`; absent: of its whole subnet. */
  readonly addressRange?: string;
  /** Whether the default bridge has IPv6. */
  readonly ipv6: boolean;
  /** Its subnet there; absent: the engine's choice. */
  readonly bridgeSubnet6?: string;
  /** Of the default bridge; absent: what the host's way out carries. */
  readonly mtu?: number;
  /** Whether packets of the default bridge leave with the host's addresses. */
  readonly masquerades: boolean;
  /** Whether the host is made to forward packets. */
  readonly forwards: boolean;
  /** Where the subnets of networks that ask for none are taken from; absent: Docker's pools. */
  readonly addressPools?: readonly AddressPool[];
  /** What `host-gateway` stands for; absent: the default bridge's address. */
  readonly hostGateway?: IpAddress;
  /** Namespaces kept ready. */
  readonly poolSize: number;
  readonly iptables: boolean;
  readonly userlandProxy: boolean;
  readonly icc: boolean;
  readonly defaultBindAddress: string;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
}

/** Subnets of one size that are given out one after another. */
export interface AddressPool {
  /** `10.0.0.0/8` */
  readonly base: IpPrefix;
  /** The prefix length of each subnet. */
  readonly size: number;
}

/** What the engine gives the networks beside their configuration. */
export interface NetworksEnvironment {
  readonly metadata: Metadata;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  /** The sandboxes of the containers that are running now: adopted. What else an earlier daemon left is removed. */
  readonly restore: readonly SandboxRecord[];
}
