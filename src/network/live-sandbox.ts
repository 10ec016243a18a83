import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { ownFd } from '#linux/descriptors.ts';
import { inNetworkNamespace, openNamespace } from '#linux/namespaces.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import type { NetworkAttachment } from './attachment.ts';
import type { DeferredChecks } from './deferred-checks.ts';
import { defaultEndpoint, targetAddresses } from './endpoint.ts';
import type { HostsEntry } from './hosts-file.ts';
import { withLinks } from './link-names.ts';
import { networkError } from './network-errors.ts';
import type { Endpoint, NetworkRecord, SandboxRecord, SandboxRequest } from './network.ts';
import { namesOn, type OpenNetwork } from './open-network.ts';
import type { PortRequest } from './port-spec.ts';
import type { PublishedPorts, PublishTarget } from './published-ports.ts';
import type { ForwardQuery } from './resolver.ts';
import { ensureResolverRedirect } from './resolver-sockets.ts';
import type { FilesFor, SandboxFiles } from './sandbox-files.ts';
import {
  configureInterfaces,
  restoreInterfaces,
  retireInterface,
  routeOutward,
} from './sandbox-interfaces.ts';
import { openSandboxResolver } from './sandbox-resolver.ts';
import { networkSysctls, writeSysctls } from './sysctl.ts';

/** Where namespaces come from and go to, by the paths at which they are pinned. */
interface NamespaceSource {
  take(): string;
  /** Drops the pin soon; see `namespace-reaper.ts`. */
  drop(path: string): void;
}

/** What the sandboxes of one engine share. */
export interface SandboxEnvironment {
  readonly namespaces: NamespaceSource;
  readonly ports: PublishedPorts;
  readonly files: SandboxFiles;
  readonly forward: ForwardQuery;
  readonly checks: DeferredChecks;
  readonly logger: Logger;
}

interface Connection {
  readonly network: OpenNetwork;
  readonly endpoint: Endpoint;
}

/** A network that an attachment asks for. */
export interface PlannedConnection {
  readonly network: OpenNetwork;
  readonly attachment: NetworkAttachment;
}

/** The sandbox of one running container. */
export class LiveSandbox {
  readonly #environment: SandboxEnvironment;
  readonly #namespacePath: string | undefined;
  #request: SandboxRequest;
  #connections: readonly Connection[] = [];
  #resolver: Disposable | undefined;
  #isClosed = false;

  private constructor(
    environment: SandboxEnvironment,
    request: SandboxRequest,
    namespacePath: string | undefined,
  ) {
    this.#environment = environment;
    this.#request = request;
    this.#namespacePath = namespacePath;
  }

  /** @throws {EngineError} nothing is left behind then */
  static async create(
    environment: SandboxEnvironment,
    request: SandboxRequest,
    planned: readonly PlannedConnection[],
  ): Promise<LiveSandbox> {
    const isHost = planned.some(({ network }) => network.driver.namespace === 'host');
    const path = isHost ? undefined : environment.namespaces.take();
    const sandbox = new LiveSandbox(environment, request, path);
    using undo = new DisposableStack();
    undo.defer(() => sandbox.close());
    await sandbox.#addEndpoints(planned, { isNew: true });
    sandbox.publish(request.ports);
    environment.files.write(request, sandbox.#filesFor(isHost));
    undo.move();
    return sandbox;
  }

  /** The sandbox of a container that an earlier daemon started. What is broken in it is logged. */
  static adopt(
    environment: SandboxEnvironment,
    record: SandboxRecord,
    networkOf: (endpoint: Endpoint) => OpenNetwork | undefined,
  ): LiveSandbox {
    const sandbox = new LiveSandbox(environment, record.request, record.namespacePath);
    for (const endpoint of record.endpoints) {
      const network = networkOf(endpoint);
      if (!network) continue;
      sandbox.#connections = [...sandbox.#connections, { network, endpoint }];
      sandbox.#attempt(() => network.carrier.adoptEndpoint(endpoint));
    }
    sandbox.#announce();
    if (sandbox.#hasInterfaces) {
      sandbox.#attempt(() => sandbox.#inside(() => sandbox.#openResolver()));
      environment.checks.add(() => sandbox.#check());
    }
    const target = sandbox.#publishTarget();
    if (target) environment.ports.adopt(record.id, record.publications, target);
    return sandbox;
  }

  get #hasInterfaces(): boolean {
    return this.#connections.some(({ network }) => network.carrier.interfacePrefix !== undefined);
  }

  get record(): SandboxRecord {
    const { id } = this.#request;
    return {
      id,
      ...(this.#namespacePath !== undefined && { namespacePath: this.#namespacePath }),
      endpoints: this.#connections.map(({ endpoint }) => endpoint),
      publications: this.#environment.ports.publicationsOf(id),
      request: this.#request,
    };
  }

  /** @throws {EngineError} nothing is left behind then */
  async connect(planned: PlannedConnection): Promise<void> {
    await this.#addEndpoints([planned], { isNew: false });
    this.#retargetPorts();
  }

  /** @throws {EngineError} `not-connected` */
  disconnect({ record: { id, name: subject } }: OpenNetwork): Endpoint {
    const connection = this.#connections.find(({ network }) => network.record.id === id);
    if (!connection) throw networkError('not-connected', { subject, details: { name: this.#request.name } });
    this.#connections = this.#connections.filter((other) => other !== connection);
    this.#retargetPorts();
    try {
      this.#inside(() => {
        using route = RouteSocket.open();
        retireInterface(route, connection.endpoint);
        routeOutward(route, this.#endpoints());
      });
    } finally {
      // Its interface answers for no address any more.
      connection.network.carrier.releaseEndpoint(connection.endpoint);
      this.#removeEndpoint(connection);
    }
    return connection.endpoint;
  }

  /** Publishes ports, if there is an endpoint that can serve them. @throws {EngineError} `publish-failed` */
  publish(ports: readonly PortRequest[]): void {
    const target = this.#publishTarget();
    if (target) this.#environment.ports.publish(this.#request.id, ports, target);
  }

  unpublish(key: string): void {
    this.#environment.ports.release(this.#request.id, key);
  }

  rename(name: string): void {
    this.#request = { ...this.#request, name };
    this.#announce();
  }

  relink(linkedHosts: readonly HostsEntry[]): void {
    this.#request = { ...this.#request, linkedHosts };
  }

  /** The container has stopped. */
  close(): void {
    this.#isClosed = true;
    this.stopServing();
    this.#environment.ports.releaseAll(this.#request.id);
    for (const connection of this.#connections) this.#removeEndpoint(connection);
    this.#connections = [];
    if (this.#namespacePath !== undefined) this.#environment.namespaces.drop(this.#namespacePath);
  }

  /** The daemon stops, the container goes on: what this process does for it ends. */
  stopServing(): void {
    this.#resolver?.[Symbol.dispose]();
    this.#resolver = undefined;
  }

  /** Checks, some time after the engine has adopted the sandbox, what is most likely in order. */
  #check(): void {
    if (this.#isClosed) return;
    for (const { network, endpoint } of this.#connections) {
      this.#attempt(() => network.carrier.repairEndpoint(endpoint));
    }
    this.#attempt(() => this.#inside(() => this.#restoreInterfaces()));
    this.#attempt(() => this.#inside(ensureResolverRedirect));
  }

  /** Runs in the namespace. */
  #restoreInterfaces(): void {
    using route = RouteSocket.open();
    restoreInterfaces(route, this.#endpoints());
  }

  #endpoints(): readonly Endpoint[] {
    return this.#connections.map(({ endpoint }) => endpoint);
  }

  /** Makes endpoints, and configures their interfaces in one visit to the namespace. */
  async #addEndpoints(
    planned: readonly PlannedConnection[],
    { isNew }: { readonly isNew: boolean },
  ): Promise<void> {
    using undo = new DisposableStack();
    const joined: Connection[] = [];
    for (const { network, attachment } of planned) {
      const created = network.carrier.createEndpoint(attachment);
      undo.defer(() => network.carrier.releaseEndpoint(created));
      const taken = [...this.#connections, ...joined].map(({ endpoint }) => endpoint.interfaceName);
      const { interfacePrefix } = network.carrier;
      const name = interfacePrefix === undefined ? {} : { interfaceName: freeName(interfacePrefix, taken) };
      joined.push({ network, endpoint: { ...created, ...name } });
    }
    if (this.#namespacePath !== undefined) {
      using namespace = ownFd(openNamespace(this.#namespacePath));
      await createInterfaces(joined, namespace.fd, undo);
      inNetworkNamespace(namespace.fd, () => this.#configure(joined, isNew));
    }
    this.#connections = [...this.#connections, ...joined];
    this.#announce();
    undo.move();
  }

  /** Runs in the namespace. */
  #configure(joined: readonly Connection[], isNew: boolean): void {
    const endpoints = joined.map(({ endpoint }) => endpoint);
    if (endpoints.some(({ interfaceName }) => interfaceName !== undefined)) {
      using route = RouteSocket.open();
      configureInterfaces(route, endpoints, [...this.#endpoints(), ...endpoints]);
      if (isNew) this.#openResolver();
    }
    if (isNew) writeSysctls(networkSysctls(this.#request.sysctls));
  }

  /** Runs in the namespace. */
  #openResolver(): void {
    const { files, forward } = this.#environment;
    const view = {
      tables: () =>
        this.#connections.map(({ network, endpoint }) => withLinks(network.names, endpoint.attachment)),
      servers: () => files.nameservers(this.#request),
    };
    this.#resolver = openSandboxResolver(view, forward);
  }

  #announce(): void {
    for (const { network, endpoint } of this.#connections) {
      if (endpoint.addresses.length === 0) continue;
      network.names.set({
        sandboxId: this.#request.id,
        addresses: endpoint.addresses.map(({ address }) => address),
        names: namesOn(network.record, this.#request, endpoint),
      });
    }
  }

  #removeEndpoint({ network, endpoint }: Connection): void {
    network.names.delete(this.#request.id);
    network.carrier.removeInterface(endpoint);
    network.carrier.releaseEndpoint(endpoint);
  }

  #publishTarget(): PublishTarget | undefined {
    const endpoints = this.#endpoints();
    const addresses = targetAddresses(endpoints);
    const endpoint = defaultEndpoint(endpoints, addresses.ipv4 === undefined ? 'ipv6' : 'ipv4');
    if (!endpoint) return undefined;
    const network = this.#connections.find((connection) => connection.endpoint === endpoint)?.network;
    const bindAddress = network && bindAddressOf(network.record);
    const label = `${this.#request.name} (${endpoint.id})`;
    return { addresses, label, ...(bindAddress !== undefined && { bindAddress }) };
  }

  /** The ports follow the default route. */
  #retargetPorts(): void {
    const { ports } = this.#environment;
    const target = this.#publishTarget();
    if (target) ports.retarget(this.#request.id, target);
    else ports.releaseAll(this.#request.id);
  }

  #filesFor(isHost: boolean): FilesFor {
    if (isHost) return { kind: 'host' };
    const addresses = this.#endpoints().flatMap((endpoint) => endpoint.addresses);
    if (addresses.length === 0) return { kind: 'nothing' };
    return { kind: 'networks', addresses: addresses.map(({ address }) => address) };
  }

  #inside(work: () => void): void {
    if (this.#namespacePath !== undefined) inNetworkNamespace(this.#namespacePath, work);
  }

  /** A container whose network is broken still runs. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      const { id } = this.#request;
      this.#environment.logger.warn('cannot adopt a part of a network sandbox', {
        id,
        error: messageOf(error),
      });
    }
  }
}

/** Creates all interfaces at the same time. */
async function createInterfaces(
  connections: readonly Connection[],
  namespaceFd: number,
  undo: DisposableStack,
): Promise<void> {
  const created = connections.map(async ({ network, endpoint }) => {
    const { interfaceName } = endpoint;
    if (interfaceName === undefined) return;
    await network.carrier.createInterface(endpoint, { namespaceFd, interfaceName });
    undo.defer(() => network.carrier.removeInterface(endpoint));
  });
  const failed = (await Promise.allSettled(created)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

function freeName(prefix: string, taken: readonly (string | undefined)[]): string {
  for (let number = 0; ; number++) if (!taken.includes(`${prefix}${number}`)) return `${prefix}${number}`;
}

function bindAddressOf({ driver }: NetworkRecord): string | undefined {
  return driver.kind === 'bridge' ? driver.bindAddress : undefined;
}
