import { createHash } from 'node:crypto';
import { messageOf } from '#base/errors.ts';
import type { IpAddress } from '#base/ip-address.ts';
import type { Logger } from '#base/log.ts';
import type { PortRange } from '#base/ports.ts';
import { forgetUdpConversations } from '#linux/conntrack.ts';
import type { FamilyAddresses } from './endpoint.ts';
import type { Firewall } from './firewall.ts';
import { type HoldMode, holdHostPort } from './host-port.ts';
import { networkError } from './network-errors.ts';
import { type HoldPort, PortAllocator } from './port-allocator.ts';
import type { PortRequest } from './port-spec.ts';
import { ANY_IPV4, ANY_IPV6, familyOfPort, type Publication, publicationKey } from './publication.ts';
import type { FirewallRule } from './ruleset.ts';
import { readSysctl } from './sysctl.ts';

export interface PublishedPortsOptions {
  /** Absent: the engine does not manage the firewall. */
  readonly firewall: Firewall | undefined;
  readonly userlandProxy: boolean;
  /** The engine's own on this host. */
  readonly tableName: string;
  /** The address for requests without one; `0.0.0.0` or empty stands for both families. */
  readonly defaultAddress: string;
  readonly logger: Logger;
}

/** The endpoint of a sandbox that its published ports lead to. */
export interface PublishTarget {
  /** At least one. */
  readonly addresses: FamilyAddresses;
  /** Where ports that ask for no address are published; absent: the engine's choice. */
  readonly bindAddress?: string;
  /** The endpoint in errors and in the log: `NAME (ENDPOINT ID)`. */
  readonly label: string;
}

/** The ports of one sandbox, and where they lead. */
interface SandboxPorts {
  target: PublishTarget;
  readonly publications: Map<string, Publication>;
}

/**
 * The ports of the host that lead to sandboxes: held on the host, while the firewall carries the traffic. What the
 * firewall cannot carry (IPv6, or everything where there is no firewall) goes through proxies in this process; with
 * `userlandProxy` off that is not done. A publication ends by {@link release} or {@link releaseAll}.
 */
export class PublishedPorts implements Disposable {
  readonly #options: PublishedPortsOptions;
  readonly #allocator: PortAllocator;
  readonly #sandboxes = new Map<string, SandboxPorts>();

  constructor(options: PublishedPortsOptions) {
    const range = ephemeralRange();
    this.#options = options;
    this.#allocator = new PortAllocator(range, startOf(range, options.tableName));
  }

  /** Opens ports, all of them or none. @throws {EngineError} `publish-failed` */
  publish(sandboxId: string, requests: readonly PortRequest[], target: PublishTarget): void {
    if (requests.length === 0) return;
    const ports = this.#sandboxes.get(sandboxId) ?? { target, publications: new Map() };
    using undo = new DisposableStack();
    try {
      const opened = fixedFirst(requests).flatMap((request) => {
        const hold = this.#holdFor(ports);
        const publications = this.#allocator.allocate(request, this.#hostAddresses(request, target), hold);
        undo.defer(() => this.#free(publications));
        return publications;
      });
      this.#options.firewall?.publish(rulesOf(opened, target.addresses));
      this.#forgetConversations(opened);
      for (const publication of opened) ports.publications.set(publicationKey(publication), publication);
      this.#sandboxes.set(sandboxId, ports);
      undo.move();
    } catch (cause) {
      const details = { endpoint: target.label, problem: messageOf(cause) };
      throw networkError('publish-failed', { subject: target.label, details, cause });
    }
  }

  /** Takes over what an earlier daemon published. The firewall has the rules already. */
  adopt(sandboxId: string, publications: readonly Publication[], target: PublishTarget): void {
    if (publications.length === 0) return;
    const ports: SandboxPorts = { target, publications: new Map() };
    this.#sandboxes.set(sandboxId, ports);
    for (const publication of publications) {
      ports.publications.set(publicationKey(publication), publication);
      const problem = this.#allocator.adopt(publication, this.#holdFor(ports));
      if (problem === undefined) continue;
      const { hostAddress, hostPort, protocol } = publication;
      const subject = { endpoint: target.label, protocol, hostAddress, hostPort };
      this.#options.logger.warn('cannot hold a published port', { ...subject, error: problem });
    }
  }

  publicationsOf(sandboxId: string): readonly Publication[] {
    return [...(this.#sandboxes.get(sandboxId)?.publications.values() ?? [])];
  }

  /** Closes one port, by its key. Idempotent. */
  release(sandboxId: string, key: string): void {
    const ports = this.#sandboxes.get(sandboxId);
    const publication = ports?.publications.get(key);
    if (ports && publication) this.#close(ports, [publication]);
  }

  /** Closes every port of a sandbox. Idempotent. */
  releaseAll(sandboxId: string): void {
    const ports = this.#sandboxes.get(sandboxId);
    if (!ports) return;
    this.#sandboxes.delete(sandboxId);
    this.#close(ports, [...ports.publications.values()]);
  }

  /** Lets the ports of a sandbox lead to another of its endpoints. */
  retarget(sandboxId: string, target: PublishTarget): void {
    const ports = this.#sandboxes.get(sandboxId);
    if (!ports || isSame(ports.target.addresses, target.addresses)) return;
    const publications = [...ports.publications.values()];
    this.#options.firewall?.unpublish(rulesOf(publications, ports.target.addresses));
    ports.target = target;
    this.#options.firewall?.publish(rulesOf(publications, target.addresses));
    this.#forgetConversations(publications);
  }

  #close({ target, publications: open }: SandboxPorts, publications: readonly Publication[]): void {
    for (const publication of publications) open.delete(publicationKey(publication));
    this.#free(publications);
    this.#options.firewall?.unpublish(rulesOf(publications, target.addresses));
    this.#forgetConversations(publications);
  }

  #free(publications: readonly Publication[]): void {
    for (const publication of publications) this.#allocator.release(publication);
  }

  #hostAddresses({ hostAddress, protocol }: PortRequest, { bindAddress }: PublishTarget): readonly string[] {
    const { userlandProxy } = this.#options;
    const defaultAddress = bindAddress ?? this.#options.defaultAddress;
    if (hostAddress !== '') return [hostAddress];
    if (defaultAddress !== '' && defaultAddress !== ANY_IPV4) return [defaultAddress];
    return userlandProxy && protocol !== 'sctp' ? [ANY_IPV4, ANY_IPV6] : [ANY_IPV4];
  }

  #holdFor(ports: SandboxPorts): HoldPort {
    return (publication) =>
      holdHostPort(publication, this.#holdMode(publication, ports.target), () =>
        proxiedAddress(publication, ports.target),
      );
  }

  #holdMode(publication: Publication, { addresses }: PublishTarget): HoldMode {
    const { firewall, userlandProxy } = this.#options;
    const family = familyOfPort(publication);
    const isWhole = family === 'ipv4' || firewall?.translatesLoopback6 === true;
    const isCarried = firewall !== undefined && addresses[family] !== undefined && isWhole;
    return isCarried || !userlandProxy ? 'reserve' : 'proxy';
  }

  /** Soon, not at once: it takes the kernel a moment to look through all that it knows. */
  #forgetConversations(publications: readonly Publication[]): void {
    if (!this.#options.firewall) return;
    const ports = publications.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort);
    for (const port of new Set(ports)) setImmediate(() => this.#forget(port));
  }

  #forget(port: number): void {
    try {
      forgetUdpConversations(port);
    } catch (error) {
      this.#options.logger.warn('cannot remove conversations over UDP', { port, error: messageOf(error) });
    }
  }

  /** Closes what this process itself holds and carries; the firewall goes on. */
  [Symbol.dispose](): void {
    for (const { publications } of this.#sandboxes.values()) this.#free([...publications.values()]);
    this.#sandboxes.clear();
  }
}

/** A request that has a choice must not take what another one has no choice about. */
function fixedFirst(requests: readonly PortRequest[]): readonly PortRequest[] {
  return requests.toSorted((one, other) => choicesOf(one) - choicesOf(other));
}

function choicesOf({ hostPorts }: PortRequest): number {
  return hostPorts ? hostPorts.last - hostPorts.first : 0xffff;
}

/** The part of the publications that the firewall carries: there is no translation from one family to the other. */
export function rulesOf(
  publications: readonly Publication[],
  addresses: FamilyAddresses,
): readonly FirewallRule[] {
  return publications.flatMap((publication) => {
    const containerAddress = addresses[familyOfPort(publication)];
    return containerAddress === undefined ? [] : [{ ...publication, containerAddress }];
  });
}

/** A proxy takes what there is. */
function proxiedAddress(publication: Publication, { addresses }: PublishTarget): IpAddress {
  const address = addresses[familyOfPort(publication)] ?? addresses.ipv4 ?? addresses.ipv6;
  if (address === undefined) throw new TypeError('Cannot publish a port of a sandbox without addresses');
  return address;
}

function isSame(a: FamilyAddresses, b: FamilyAddresses): boolean {
  return a.ipv4 === b.ipv4 && a.ipv6 === b.ipv6;
}

/**
 * Engines of one host begin in different places: while one is down, it holds none of its ports, though they still
 * lead to its containers.
 */
function startOf({ first, last }: PortRange, tableName: string): number {
  const number = createHash('sha256').update(tableName).digest().readUInt32BE();
  return first + (number % (last - first + 1));
}

/** Docker takes its free choices from where the kernel takes those of clients. */
function ephemeralRange(): PortRange {
  const [first, last] = (readSysctl('net.ipv4.ip_local_port_range') ?? '').split(/\s+/).map(Number);
  return first && last ? { first, last } : { first: 49_153, last: 65_535 };
}
