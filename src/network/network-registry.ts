import { hasReason, messageOf } from '#base/errors.ts';
import { lacksLabels, matchesLabels } from '#base/filters.ts';
import type { EmitEvent } from '#base/event.ts';
import { newId } from '#base/ids.ts';
import { type IpPrefix, overlap } from '#base/ip-prefix.ts';
import type { Logger } from '#base/log.ts';
import type { Metadata } from '#store/metadata.ts';
import { NameTable } from './name-table.ts';
import type { NetworkCarrier, NetworkDriver } from './network-driver.ts';
import { networkError } from './network-errors.ts';
import { NetworkTable } from './network-table.ts';
import type {
  DriverKind,
  NetworkFilter,
  NetworkMember,
  NetworkRecord,
  NetworkRegistry,
  NetworkSpec,
  NetworkView,
} from './network.ts';
import type { OpenNetwork } from './open-network.ts';
import { closedCarrier } from './plain-drivers.ts';

/** A name is a part of paths and of lines. */
const NAME = /^(?!\s)[^/\p{Cc}]+$/u;

/** How often a subnet is chosen anew because another program took it in the same moment. */
const MAXIMUM_CHOICES = 8;

type Identity = Pick<NetworkRecord, 'id' | 'createdAt'>;

export interface RegistryOptions {
  readonly metadata: Metadata;
  readonly drivers: Readonly<Record<DriverKind, NetworkDriver>>;
  /** What is on a network now. */
  readonly membersOf: (networkId: string) => readonly NetworkMember[];
  readonly emit: EmitEvent;
  readonly logger: Logger;
}

/** The networks of one engine: a network exists when the database says so, and is made again at every start. */
export class EngineNetworkRegistry implements NetworkRegistry {
  readonly #options: RegistryOptions;
  readonly #table: NetworkTable;
  /** By id, in the order of their creation. */
  readonly #networks = new Map<string, OpenNetwork>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#table = new NetworkTable(options.metadata);
  }

  async create(spec: NetworkSpec): Promise<NetworkRecord> {
    const { name: subject } = spec;
    if (!NAME.test(subject)) throw networkError('network-name-invalid', { subject });
    const other = this.#byName(subject)?.record;
    if (other?.isBuiltIn) throw networkError('network-predefined', { subject });
    if (other) throw networkError('network-exists', { subject });
    const identity = { id: newId(), createdAt: new Date().toISOString(), isBuiltIn: false };
    const { record } = this.#createPlanned(spec, identity);
    await this.#options.metadata.durable();
    this.#report('create', record);
    return record;
  }

  async remove(reference: string): Promise<void> {
    const network = this.resolve(reference);
    const { name: subject, id, isBuiltIn } = network.record;
    if (isBuiltIn) throw networkError('network-built-in', { subject });
    const members = this.#options.membersOf(id).map(({ name }) => name);
    if (members.length > 0) {
      throw networkError('network-in-use', { subject, details: { members: members.join(', ') } });
    }
    this.#remove(network);
    await this.#options.metadata.durable();
    this.#report('destroy', network.record);
  }

  list(filter: NetworkFilter = {}): readonly NetworkView[] {
    return [...this.#networks.values()].map((network) => this.#view(network)).filter(matching(filter));
  }

  inspect(reference: string): NetworkView {
    return this.#view(this.resolve(reference));
  }

  async prune(filter: NetworkFilter): Promise<readonly string[]> {
    const unused = this.list({ ...filter, isDangling: true });
    for (const { network } of unused) await this.remove(network.id);
    this.#options.emit({ type: 'network', action: 'prune', id: '', attributes: { reclaimed: '0' } });
    return unused.map(({ network }) => network.name);
  }

  /** By name, id or prefix of the id, in this order. @throws {EngineError} `no-such-network`, `network-ambiguous` */
  resolve(reference: string): OpenNetwork {
    const exact = this.#byName(reference) ?? this.#networks.get(reference);
    if (exact) return exact;
    const networks = [...this.#networks.values()];
    const matches = reference === '' ? [] : networks.filter(({ record }) => record.id.startsWith(reference));
    const [found, ...others] = matches;
    if (!found) throw networkError('no-such-network', { subject: reference });
    if (others.length === 0) return found;
    throw networkError('network-ambiguous', { subject: reference, details: { matches: matches.length } });
  }

  /** The network of an endpoint that exists. */
  byId(id: string): OpenNetwork | undefined {
    return this.#networks.get(id);
  }

  /** Makes a network of the engine's own what it is to be at this start; once recorded, it keeps its identity. */
  openBuiltIn(spec: NetworkSpec, firstIdentity: Identity): OpenNetwork {
    const stored = this.#table.all().find(({ record }) => record.name === spec.name);
    const { id, createdAt } = stored?.record ?? firstIdentity;
    return this.#createPlanned(spec, { id, createdAt, isBuiltIn: true });
  }

  /** The subnets of the networks that users created, whether they could be opened or not. */
  recordedSubnets(): readonly IpPrefix[] {
    const stored = this.#table.all().filter(({ record }) => !record.isBuiltIn);
    return stored.flatMap(({ record }) => record.pools.map(({ subnet }) => subnet));
  }

  /** Opens what users created. What cannot be opened is logged; it is listed and can be removed, and nothing else. */
  openStored(): void {
    for (const { record, damage } of this.#table.all()) {
      if (record.isBuiltIn || this.#networks.has(record.id)) continue;
      try {
        if (damage !== undefined)
          throw networkError('network-damaged', { subject: record.name, details: { damage } });
        this.#add(record, this.#driverOf(record).open(record));
      } catch (error) {
        const { id, name } = record;
        this.#options.logger.error('cannot open a network', { id, name, error: messageOf(error) });
        this.#add(record, closedCarrier(record, error), messageOf(error));
      }
    }
  }

  /** Takes every network off the host and drops it. */
  removeAll(): void {
    for (const network of this.#networks.values()) this.#remove(network);
  }

  /** Recorded before it is made: what a crash leaves half-made is made whole at the next start. */
  #createPlanned(spec: NetworkSpec, identity: Identity & { readonly isBuiltIn: boolean }): OpenNetwork {
    const driver = this.#driverOf(spec);
    const isOurChoice = spec.pools.every(({ subnet }) => subnet === undefined);
    for (let choices = 1; ; choices++) {
      const record = { ...spec, ...identity, ...driver.plan(spec, identity.id) };
      this.#checkOverlap(record);
      if (!identity.isBuiltIn) driver.checkHost(record);
      this.#options.metadata.transaction(() => this.#table.save(record));
      try {
        return this.#add(record, isOurChoice ? driver.create(record) : driver.open(record));
      } catch (error) {
        if (!identity.isBuiltIn) this.#options.metadata.transaction(() => this.#table.delete(record.id));
        if (!isOurChoice || choices >= MAXIMUM_CHOICES || !hasReason(error, 'subnet-in-use')) throw error;
      }
    }
  }

  #checkOverlap({ id, name: subject, pools }: NetworkRecord): void {
    const others = [...this.#networks.values()].filter(({ record }) => record.id !== id);
    const used = others.flatMap(({ record }) => record.pools.map(({ subnet }) => subnet));
    for (const { subnet } of pools) {
      if (!used.some((other) => overlap(other, subnet))) continue;
      throw networkError('subnet-in-use', { subject, details: { subnet } });
    }
  }

  #add(record: NetworkRecord, carrier: NetworkCarrier, problem?: string): OpenNetwork {
    const parts = { record, driver: this.#driverOf(record), carrier, names: new NameTable(record.name) };
    const network = problem === undefined ? parts : { ...parts, problem };
    this.#networks.set(record.id, network);
    return network;
  }

  #remove({ record, carrier }: OpenNetwork): void {
    carrier.remove();
    this.#networks.delete(record.id);
    this.#options.metadata.transaction(() => this.#table.delete(record.id));
  }

  #driverOf({ driver }: NetworkSpec): NetworkDriver {
    return this.#options.drivers[driver.kind];
  }

  #byName(name: string): OpenNetwork | undefined {
    return [...this.#networks.values()].find(({ record }) => record.name === name);
  }

  #view({ record, problem }: OpenNetwork): NetworkView {
    const members = this.#options.membersOf(record.id);
    return { network: record, members, ...(problem !== undefined && { problem }) };
  }

  #report(action: 'create' | 'destroy', { id, name, driver }: NetworkRecord): void {
    this.#options.emit({ type: 'network', action, id, attributes: { name, type: driver.kind } });
  }
}

function matching(filter: NetworkFilter): (view: NetworkView) => boolean {
  return ({ network, members }) =>
    anyOf(filter.names, (value) => network.name.includes(value)) &&
    anyOf(filter.ids, (value) => network.id.startsWith(value)) &&
    anyOf(filter.drivers, (value) => network.driver.kind === value) &&
    isWanted(filter.isBuiltIn, network.isBuiltIn) &&
    isWanted(filter.isDangling, !network.isBuiltIn && members.length === 0) &&
    matchesLabels(filter.labels, network.labels) &&
    lacksLabels(filter.lacksLabels, network.labels) &&
    (filter.createdBefore === undefined || Date.parse(network.createdAt) < filter.createdBefore.getTime());
}

function anyOf(values: readonly string[] | undefined, test: (value: string) => boolean): boolean {
  return values?.some(test) ?? true;
}

function isWanted(wanted: boolean | undefined, value: boolean): boolean {
  return wanted === undefined || wanted === value;
}
