import { EngineError, messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { EmitEvent } from '#base/event.ts';
import type { EndpointSettings, NetworkInspect } from '#wire/network.ts';
import { requestedEndpoint } from './endpoint.ts';
import type { Networks, SandboxRecord, SandboxRequest } from './network.ts';
import { describeNetwork, type Network, resolveNetwork } from './network-inspect.ts';
import type { SandboxResources } from './network-driver.ts';
import { validateRequest } from './validate.ts';

const DEFAULT_NETWORK = 'bridge';

interface LiveSandbox {
  readonly record: SandboxRecord;
  readonly resources: SandboxResources;
}

export interface EngineNetworksOptions {
  /** By name; the drivers' table, into which networks that users create go too. */
  readonly networks: ReadonlyMap<string, Network>;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  /** What is disposed last. */
  readonly resources: AsyncDisposableStack;
  /** Removes from the host what {@link Networks.destroy} promises. */
  readonly removeFromHost: () => Promise<void>;
}

/** The networks of one engine and the sandboxes on them. */
export class EngineNetworks implements Networks {
  readonly #options: EngineNetworksOptions;
  /** By container. */
  readonly #live = new Map<string, LiveSandbox>();

  constructor(options: EngineNetworksOptions) {
    this.#options = options;
  }

  // oxlint-disable-next-line typescript/require-await -- a driver of networks beyond this host will wait
  async acquire(request: SandboxRequest): Promise<SandboxRecord> {
    const network = this.#primaryNetwork(request);
    using undo = new DisposableStack();
    const resources = { kernel: undo.use(new DisposableStack()), process: undo.use(new DisposableStack()) };
    const { endpoint, ...attachment } = network.driver.attach(request, resources);
    const { containerId } = request;
    const record = { containerId, ...attachment, endpoints: { [network.name]: endpoint }, request };
    this.#live.set(containerId, { record, resources });
    undo.move();
    this.#emit('connect', record);
    return record;
  }

  release({ containerId }: SandboxRecord): void {
    const live = this.#live.get(containerId);
    if (!live) return;
    this.#live.delete(containerId);
    this.#dispose(live);
    this.#emit('disconnect', live.record);
  }

  /** A container has ended whatever happens here. */
  #dispose({ record, resources }: LiveSandbox): void {
    try {
      using all = new DisposableStack();
      all.use(resources.kernel);
      all.use(resources.process);
    } catch (error) {
      const { containerId } = record;
      this.#options.logger.error('cannot remove a network sandbox', { containerId, error: messageOf(error) });
    }
  }

  /** Takes over the sandbox of a running container. */
  restore(record: SandboxRecord): void {
    const [name = ''] = Object.keys(record.endpoints);
    const resources = { kernel: new DisposableStack(), process: new DisposableStack() };
    this.#live.set(record.containerId, { record, resources });
    this.#options.networks.get(name)?.driver.restore(record, resources);
  }

  rename(containerId: string, name: string): void {
    const live = this.#live.get(containerId);
    if (!live) return;
    const record = { ...live.record, request: { ...live.record.request, containerName: name } };
    this.#live.set(containerId, { ...live, record });
    for (const network of Object.keys(record.endpoints)) {
      this.#options.networks.get(network)?.driver.rename(record);
    }
  }

  list(): readonly NetworkInspect[] {
    return [...this.#options.networks.values()].map((network) => this.#describe(network));
  }

  inspect(reference: string): NetworkInspect {
    return this.#describe(resolveNetwork([...this.#options.networks.values()], reference));
  }

  plannedEndpoints(
    mode: string,
    endpoints: Readonly<Record<string, EndpointSettings>>,
  ): Readonly<Record<string, EndpointSettings>> {
    if (mode.startsWith('container:')) return {};
    const primary = nameOf(mode);
    const names = new Set([primary, ...Object.keys(endpoints).filter((name) => name !== 'default')]);
    return Object.fromEntries([...names].map((name) => [name, requestedEndpoint(name, endpoints)]));
  }

  validate(request: Parameters<Networks['validate']>[0]): void {
    validateRequest({ ...request, mode: nameOf(request.mode) });
  }

  async destroy(): Promise<void> {
    for (const { record } of this.#live.values()) this.release(record);
    await this.#options.removeFromHost();
    await this[Symbol.asyncDispose]();
  }

  /** Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { resources } of this.#live.values()) resources.process.dispose();
    this.#live.clear();
    await this.#options.resources.disposeAsync();
  }

  /** The one that gives the container its namespace; for now, also the only one. */
  #primaryNetwork({ mode, endpoints }: SandboxRequest): Network {
    const names = Object.keys(endpoints).filter((name) => name !== 'default' && name !== nameOf(mode));
    const [primary, other] = [nameOf(mode), ...names].map((name) => {
      const network = this.#options.networks.get(name);
      if (!network) throw new EngineError('not-found', `network ${name} not found`);
      return network;
    });
    if (!primary || other) {
      throw new EngineError(
        'invalid',
        `container cannot be connected to network ${other?.name} besides ${mode}`,
      );
    }
    return primary;
  }

  #describe(network: Network): NetworkInspect {
    return describeNetwork(
      network,
      [...this.#live.values()].map((live) => live.record),
    );
  }

  #emit(action: 'connect' | 'disconnect', record: SandboxRecord): void {
    for (const [name, endpoint] of Object.entries(record.endpoints)) {
      const type = this.#options.networks.get(name)?.driver.describe().Driver ?? '';
      const attributes = { container: record.containerId, name, type };
      this.#options.emit({ type: 'network', action, id: endpoint.NetworkID, attributes });
    }
  }
}

function nameOf(mode: string): string {
  return mode === 'default' || mode === '' ? DEFAULT_NETWORK : mode;
}
