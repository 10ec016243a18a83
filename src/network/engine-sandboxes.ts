import { messageOf } from '#base/errors.ts';
import type { EmitEvent } from '#base/event.ts';
import type { NetworkAttachment } from './attachment.ts';
import { LiveSandbox, type PlannedConnection, type SandboxEnvironment } from './live-sandbox.ts';
import type { HostsEntry } from './hosts-file.ts';
import { networkError } from './network-errors.ts';
import type { EngineNetworkRegistry } from './network-registry.ts';
import type { Endpoint, NetworkMember, SandboxRecord, SandboxRequest, Sandboxes } from './network.ts';
import type { PortRequest } from './port-spec.ts';
import { validateRequest } from './validate.ts';

export interface EngineSandboxesOptions {
  readonly registry: Pick<EngineNetworkRegistry, 'resolve' | 'byId'>;
  readonly environment: SandboxEnvironment;
  /** The network that takes neither addresses nor aliases. */
  readonly defaultNetwork: string;
  readonly emit: EmitEvent;
}

/** The sandboxes of the containers that run. */
export class EngineSandboxes implements Sandboxes {
  readonly #options: EngineSandboxesOptions;
  readonly #live = new Map<string, LiveSandbox>();

  constructor(options: EngineSandboxesOptions) {
    this.#options = options;
  }

  validate(request: Parameters<Sandboxes['validate']>[0]): void {
    validateRequest(request, this.#options.defaultNetwork);
  }

  async acquire(request: SandboxRequest): Promise<SandboxRecord> {
    const planned = request.attachments.map((attachment) => this.#plan(attachment));
    checkTogether(planned);
    const sandbox = await LiveSandbox.create(this.#options.environment, request, planned);
    this.#live.set(request.id, sandbox);
    const { record } = sandbox;
    for (const endpoint of record.endpoints) this.#report('connect', record.id, endpoint);
    return record;
  }

  async connect(id: string, attachment: NetworkAttachment): Promise<SandboxRecord> {
    const sandbox = this.#require(id);
    const planned = this.#plan(attachment);
    const { endpoints, request } = sandbox.record;
    const { id: networkId, name: subject } = planned.network.record;
    if (endpoints.some((endpoint) => endpoint.networkId === networkId)) {
      throw networkError('already-connected', { subject, details: { name: request.name } });
    }
    checkTogether([...endpoints.map((endpoint) => this.#plan(endpoint.attachment)), planned]);
    await sandbox.connect(planned);
    const { record } = sandbox;
    for (const endpoint of record.endpoints) {
      if (endpoint.networkId === networkId) this.#report('connect', id, endpoint);
    }
    return record;
  }

  // oxlint-disable-next-line typescript/require-await -- a driver of networks beyond this host will wait
  async disconnect(id: string, network: string): Promise<SandboxRecord> {
    const sandbox = this.#require(id);
    const endpoint = sandbox.disconnect(this.#options.registry.resolve(network));
    this.#report('disconnect', id, endpoint);
    return sandbox.record;
  }

  publish(id: string, ports: readonly PortRequest[]): SandboxRecord {
    const sandbox = this.#require(id);
    sandbox.publish(ports);
    return sandbox.record;
  }

  unpublish(id: string, publication: string): SandboxRecord {
    const sandbox = this.#require(id);
    sandbox.unpublish(publication);
    return sandbox.record;
  }

  rename(id: string, name: string): SandboxRecord | undefined {
    const sandbox = this.#live.get(id);
    sandbox?.rename(name);
    return sandbox?.record;
  }

  relink(id: string, linkedHosts: readonly HostsEntry[]): SandboxRecord | undefined {
    const sandbox = this.#live.get(id);
    sandbox?.relink(linkedHosts);
    return sandbox?.record;
  }

  release({ id }: Pick<SandboxRecord, 'id'>): void {
    const sandbox = this.#live.get(id);
    if (!sandbox) return;
    this.#live.delete(id);
    const { endpoints } = sandbox.record;
    this.#close(id, sandbox);
    for (const endpoint of endpoints) this.#report('disconnect', id, endpoint);
  }

  /** Adopts the sandbox of a running container, which an earlier daemon acquired. */
  adopt(record: SandboxRecord): void {
    const { registry, environment } = this.#options;
    const sandbox = LiveSandbox.adopt(environment, record, ({ networkId }) => registry.byId(networkId));
    this.#live.set(record.id, sandbox);
  }

  membersOf(networkId: string): readonly NetworkMember[] {
    return [...this.#live.values()].flatMap(({ record: { id, request, endpoints } }) =>
      endpoints
        .filter((endpoint) => endpoint.networkId === networkId)
        .map((endpoint) => ({ sandboxId: id, name: request.name, endpoint })),
    );
  }

  releaseAll(): void {
    for (const id of this.#live.keys()) this.release({ id });
  }

  /** The daemon stops; the sandboxes stay. */
  stopServing(): void {
    for (const sandbox of this.#live.values()) sandbox.stopServing();
    this.#live.clear();
  }

  #plan(attachment: NetworkAttachment): PlannedConnection {
    return { network: this.#options.registry.resolve(attachment.network), attachment };
  }

  #require(id: string): LiveSandbox {
    const sandbox = this.#live.get(id);
    if (!sandbox) throw networkError('no-such-sandbox', { subject: id });
    return sandbox;
  }

  /** A container has ended whatever happens here. */
  #close(id: string, sandbox: LiveSandbox): void {
    try {
      sandbox.close();
    } catch (error) {
      const { logger } = this.#options.environment;
      logger.error('cannot remove a network sandbox', { id, error: messageOf(error) });
    }
  }

  #report(action: 'connect' | 'disconnect', container: string, endpoint: Endpoint): void {
    const { networkId: id, networkName: name } = endpoint;
    const type = this.#options.registry.byId(id)?.record.driver.kind ?? '';
    this.#options.emit({ type: 'network', action, id, attributes: { container, name, type } });
  }
}

/** Refuses other networks beside `host`, which is no namespace of its own, and `none`, which nothing leads out of. */
function checkTogether(planned: readonly PlannedConnection[]): void {
  const [first, second] = planned;
  if (!first || !second) return;
  const alone = planned.find(({ network }) => network.carrier.interfacePrefix === undefined);
  if (!alone) return;
  const other = planned.find((connection) => connection !== alone) ?? first;
  const details = { other: other.network.record.name };
  throw networkError('network-stands-alone', { subject: alone.network.record.name, details });
}
