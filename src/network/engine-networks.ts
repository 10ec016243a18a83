import type { NetworkAttachment } from './attachment.ts';
import type { HostsEntry } from './hosts-file.ts';
import type { EngineSandboxes } from './engine-sandboxes.ts';
import type { EngineNetworkRegistry } from './network-registry.ts';
import type {
  NetworkFilter,
  NetworkRecord,
  Networks,
  NetworkSpec,
  NetworkView,
  SandboxRecord,
  SandboxRequest,
  Sandboxes,
} from './network.ts';
import type { PortRequest } from './port-spec.ts';

export interface EngineNetworksOptions extends Pick<Networks, 'defaultNetwork'> {
  readonly registry: EngineNetworkRegistry;
  readonly sandboxes: EngineSandboxes;
  /** Disposed last. */
  readonly resources: AsyncDisposableStack;
  /** Removes from the host what no network owns. */
  readonly removeFromHost: () => Promise<void>;
}

/** The networks of one engine and the sandboxes on them. */
export class EngineNetworks implements Networks {
  readonly defaultNetwork: string;
  readonly #registry: EngineNetworkRegistry;
  readonly #sandboxes: EngineSandboxes;
  readonly #resources: AsyncDisposableStack;
  readonly #removeFromHost: () => Promise<void>;

  constructor({ defaultNetwork, registry, sandboxes, resources, removeFromHost }: EngineNetworksOptions) {
    this.defaultNetwork = defaultNetwork;
    this.#registry = registry;
    this.#sandboxes = sandboxes;
    this.#resources = resources;
    this.#removeFromHost = removeFromHost;
  }

  create(spec: NetworkSpec): Promise<NetworkRecord> {
    return this.#registry.create(spec);
  }

  remove(reference: string): Promise<void> {
    return this.#registry.remove(reference);
  }

  list(filter?: NetworkFilter): readonly NetworkView[] {
    return this.#registry.list(filter);
  }

  inspect(reference: string): NetworkView {
    return this.#registry.inspect(reference);
  }

  prune(filter: NetworkFilter): Promise<readonly string[]> {
    return this.#registry.prune(filter);
  }

  validate(request: Parameters<Sandboxes['validate']>[0]): void {
    this.#sandboxes.validate(request);
  }

  acquire(request: SandboxRequest): Promise<SandboxRecord> {
    return this.#sandboxes.acquire(request);
  }

  connect(id: string, attachment: NetworkAttachment): Promise<SandboxRecord> {
    return this.#sandboxes.connect(id, attachment);
  }

  disconnect(id: string, network: string): Promise<SandboxRecord> {
    return this.#sandboxes.disconnect(id, network);
  }

  publish(id: string, ports: readonly PortRequest[]): SandboxRecord {
    return this.#sandboxes.publish(id, ports);
  }

  unpublish(id: string, publication: string): SandboxRecord {
    return this.#sandboxes.unpublish(id, publication);
  }

  rename(id: string, name: string): SandboxRecord | undefined {
    return this.#sandboxes.rename(id, name);
  }

  relink(id: string, linkedHosts: readonly HostsEntry[]): SandboxRecord | undefined {
    return this.#sandboxes.relink(id, linkedHosts);
  }

  release(sandbox: Pick<SandboxRecord, 'id'>): void {
    this.#sandboxes.release(sandbox);
  }

  async destroy(): Promise<void> {
    this.#sandboxes.releaseAll();
    this.#registry.removeAll();
    await this.#removeFromHost();
    await this[Symbol.asyncDispose]();
  }

  /** Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#sandboxes.stopServing();
    await this.#resources.disposeAsync();
  }
}
