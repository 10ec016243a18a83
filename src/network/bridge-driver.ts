import { existsSync } from 'node:fs';
import { messageOf } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import { type IpAddress, parseIp } from '#base/ip-address.ts';
import { lastAddress, subnetOf } from '#base/ip-prefix.ts';
import type { Logger } from '#base/log.ts';
import { closeFd } from '#linux/descriptors.ts';
import { inNetworkNamespace } from '#linux/namespaces.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { addAddress, addRoute, setLinkMac, setLinkUp } from '#linux/rtnetlink-messages.ts';
import type { EndpointSettings } from '#wire/network.ts';
import { AddressPool } from './address-pool.ts';
import type { Bridge } from './bridge.ts';
import type { DeferredChecks } from './deferred-checks.ts';
import type { DroppedNamespaces } from './dropped-namespaces.ts';
import { macOf, newEndpoint, requestedEndpoint } from './endpoint.ts';
import type { NamespacePool } from './namespace-pool.ts';
import { NameTable } from './name-table.ts';
import type { SandboxRecord, SandboxRequest } from './network.ts';
import type { Attachment, NetworkDescription, NetworkDriver, SandboxResources } from './network-driver.ts';
import type { PortPublisher, PublishTarget } from './port-publisher.ts';
import { toPortMap } from './publication.ts';
import { plugIn, type ReadyNamespace, vethName } from './ready-namespace.ts';
import { type ForwardQuery, resolveQuery } from './resolver.ts';
import {
  ensureResolverRedirect,
  openResolverDescriptors,
  type ResolverDescriptors,
  serveResolver,
} from './resolver-sockets.ts';
import type { SandboxFiles } from './sandbox-files.ts';
import { networkSysctls, writeSysctls } from './sysctl.ts';

export interface BridgeDriverOptions {
  readonly networkId: string;
  /** As containers call it. */
  readonly networkName: string;
  readonly bridge: Bridge;
  /** Names of the links that were ports of the bridge when the engine was started. */
  readonly ports: ReadonlySet<string>;
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly defaultBindAddress: string;
  readonly pool: NamespacePool<ReadyNamespace>;
  readonly dropped: DroppedNamespaces;
  readonly checks: DeferredChecks;
  readonly publisher: PortPublisher;
  readonly files: SandboxFiles;
  readonly forward: ForwardQuery;
  /** Told of host ends of cables whose namespace has been dropped. */
  readonly onUnplugged: (veth: string) => void;
  readonly logger: Logger;
}

/** A network on a Linux bridge, with the engine's resolver and published ports. */
export class BridgeDriver implements NetworkDriver {
  readonly #options: BridgeDriverOptions;
  readonly #addresses: AddressPool;
  readonly #names: NameTable;
  readonly #gateway: string;

  constructor(options: BridgeDriverOptions) {
    this.#options = options;
    const { gateway } = options.bridge;
    this.#addresses = new AddressPool(subnetOf(gateway), [gateway.address]);
    this.#names = new NameTable(options.networkName);
    this.#gateway = gateway.address;
  }

  describe(): NetworkDescription {
    const { bridge, icc, masquerade, defaultBindAddress } = this.#options;
    const config = { Subnet: subnetOf(bridge.gateway), Gateway: this.#gateway };
    return {
      Driver: 'bridge',
      IPAM: { Driver: 'default', Options: null, Config: [config] },
      Options: {
        'com.docker.network.bridge.default_bridge': 'true',
        'com.docker.network.bridge.enable_icc': String(icc),
        'com.docker.network.bridge.enable_ip_masquerade': String(masquerade),
        'com.docker.network.bridge.host_binding_ipv4': defaultBindAddress || '0.0.0.0',
        'com.docker.network.bridge.name': bridge.name,
        'com.docker.network.driver.mtu': String(bridge.mtu),
      },
    };
  }

  attach(request: SandboxRequest, resources: SandboxResources): Attachment {
    const { kernel } = resources;
    const address = this.#addresses.allocate();
    kernel.defer(() => this.#addresses.release(address));
    const endpoint = this.#newEndpoint(request, address);
    const namespace = this.#options.pool.take();
    this.#dropLater(namespace.path, resources);
    const descriptors = inNetworkNamespace(namespace.path, () => {
      this.#configure(namespace, endpoint, request);
      return openResolverDescriptors();
    });
    this.#serveResolver(request, descriptors, resources);
    this.#announce(request, endpoint.IPAddress, resources);
    const publications = this.#options.publisher.publish(request, targetOf(request, endpoint), resources);
    return {
      namespacePath: namespace.path,
      endpoint,
      ports: toPortMap(publications, request.exposedPorts),
      hostsFile: this.#options.files.hosts(request, [endpoint.IPAddress]),
      resolvConf: this.#options.files.internalResolvConf(request),
    };
  }

  restore(record: SandboxRecord, resources: SandboxResources): void {
    const { namespacePath, request, endpoints } = record;
    const endpoint = endpoints[this.#options.networkName];
    if (namespacePath === undefined || !endpoint) return;
    this.#dropLater(namespacePath, resources);
    this.#attempt(record, () => this.#reclaim(endpoint, resources));
    this.#attempt(record, () => {
      const descriptors = inNetworkNamespace(namespacePath, openResolverDescriptors);
      this.#serveResolver(request, descriptors, resources);
    });
    this.#checkLater(record, namespacePath, resources);
    this.#announce(request, endpoint.IPAddress, resources);
    this.#options.publisher.restore(record.ports, targetOf(request, endpoint), resources);
  }

  /** Whether it is connected as it should be. One that is cut off waits for nothing. */
  #checkLater(record: SandboxRecord, path: string, { kernel }: SandboxResources): void {
    const { bridge, ports, checks } = this.#options;
    const plug = () => this.#attempt(record, () => this.#plugInAgain(path));
    const isPlugged = ports.has(vethName(bridge.name, path));
    if (!isPlugged) plug();
    checks.add(() => {
      if (kernel.disposed) return;
      if (isPlugged) plug();
      this.#attempt(record, () => inNetworkNamespace(path, ensureResolverRedirect));
    });
  }

  rename({ request, endpoints }: SandboxRecord): void {
    const endpoint = endpoints[this.#options.networkName];
    if (endpoint) this.#names.set(namedEndpoint(request, endpoint.IPAddress));
  }

  #newEndpoint(request: SandboxRequest, address: IpAddress): EndpointSettings {
    const { networkId, networkName, bridge } = this.#options;
    const requested = requestedEndpoint(networkName, request.endpoints);
    return {
      ...newEndpoint(requested, networkId),
      MacAddress: request.macAddress || requested.MacAddress || macOf(address),
      Gateway: this.#gateway,
      IPAddress: address,
      IPPrefixLen: bridge.gateway.prefixLength,
    };
  }

  /** In the namespace, in one message to the kernel. */
  #configure(
    { interfaceIndex: index }: ReadyNamespace,
    endpoint: EndpointSettings,
    request: SandboxRequest,
  ): void {
    using route = RouteSocket.open();
    const { IPAddress: address, IPPrefixLen: prefixLength } = endpoint;
    const broadcast = lastAddress(subnetOf(this.#options.bridge.gateway));
    route.request(
      setLinkMac(index, endpoint.MacAddress),
      addAddress({ index, address, prefixLength, broadcast }),
      setLinkUp(index),
      addRoute({ index, gateway: this.#gateway }),
    );
    writeSysctls(networkSysctls(request.sysctls));
  }

  /** The kernel removes the interfaces when the container's last process has gone. */
  #dropLater(path: string, { kernel }: SandboxResources): void {
    kernel.defer(() => {
      this.#options.dropped.add(path);
      this.#options.onUnplugged(vethName(this.#options.bridge.name, path));
    });
  }

  #announce(request: SandboxRequest, address: string, { kernel }: SandboxResources): void {
    this.#names.set(namedEndpoint(request, address));
    kernel.defer(() => this.#names.delete(request.containerId));
  }

  #serveResolver(
    request: SandboxRequest,
    descriptors: ResolverDescriptors,
    { process }: SandboxResources,
  ): void {
    const { files, forward } = this.#options;
    using undo = new DisposableStack();
    undo.defer(() => closeFd(descriptors.udp));
    undo.defer(() => closeFd(descriptors.tcp));
    const view = { tables: [this.#names], servers: () => files.resolver(request).nameservers };
    process.use(
      serveResolver(descriptors, (message, transport) => resolveQuery(message, transport, view, forward)),
    );
    undo.move();
  }

  #reclaim({ IPAddress }: EndpointSettings, { kernel }: SandboxResources): void {
    const address = parseIp(IPAddress);
    this.#addresses.claim(address);
    kernel.defer(() => this.#addresses.release(address));
  }

  /** The bridge may be a new one. */
  #plugInAgain(namespacePath: string): void {
    const { bridge, icc } = this.#options;
    using host = RouteSocket.open();
    plugIn(host, { bridge, icc }, vethName(bridge.name, namespacePath));
  }

  /** A container whose network is broken still runs. */
  #attempt({ containerId, namespacePath }: SandboxRecord, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.logger.warn('cannot take over a part of a network sandbox', {
        containerId,
        pinned: namespacePath !== undefined && existsSync(namespacePath),
        error: messageOf(error),
      });
    }
  }
}

function targetOf(request: SandboxRequest, endpoint: EndpointSettings): PublishTarget {
  return {
    containerAddress: endpoint.IPAddress,
    endpoint: `${request.containerName} (${endpoint.EndpointID})`,
  };
}

/** Everything that others on the network may call a container, without repetitions. */
function namedEndpoint(request: SandboxRequest, address: string) {
  const { containerId, containerName, hostname, domainname } = request;
  const names = [containerName, shortId(containerId), hostname];
  if (domainname !== '') names.push(`${hostname}.${domainname}`);
  return { containerId, address, names: [...new Set(names.filter((name) => name !== ''))] };
}
