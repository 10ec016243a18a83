import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { EngineError, messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { forgetUdpConversations } from '#linux/conntrack.ts';
import { type Firewall, isFirewallRule } from './firewall.ts';
import { type HoldMode, holdHostPort } from './host-port.ts';
import { type HoldPort, PortAllocator, type PortRange } from './port-allocator.ts';
import { parsePortRequests, type PortRequest } from './port-spec.ts';
import { ANY_IPV4, ANY_IPV6, fromPortMap, type Publication } from './publication.ts';
import type { SandboxRequest } from './network.ts';
import type { SandboxResources } from './network-driver.ts';
import { readSysctl } from './sysctl.ts';

export interface PortPublisherOptions {
  /** Absent: the engine does not manage the firewall. */
  readonly firewall: Firewall | undefined;
  readonly userlandProxy: boolean;
  /** The engine's own on this host. */
  readonly tableName: string;
  /** For bindings without an address; `0.0.0.0` or empty stands for both families. */
  readonly defaultAddress: string;
  readonly logger: Logger;
}

/** Where published ports lead, and what they are called in errors. */
export interface PublishTarget {
  readonly containerAddress: string;
  /** `NAME (ENDPOINT ID)` */
  readonly endpoint: string;
}

/**
 * Publishes ports of containers: holds them on the host, and lets the firewall carry the traffic. What the firewall
 * cannot carry (IPv6, or everything where there is no firewall) goes through proxies in this process; with
 * `userlandProxy` off that is not done.
 */
export class PortPublisher {
  readonly #options: PortPublisherOptions;
  readonly #allocator: PortAllocator;

  constructor(options: PortPublisherOptions) {
    const range = ephemeralRange();
    this.#options = options;
    this.#allocator = new PortAllocator(range, startOf(range, options.tableName));
  }

  /** @throws {EngineError} `internal`, worded as dockerd does */
  publish(
    request: Pick<SandboxRequest, 'portBindings' | 'exposedPorts' | 'publishAll'>,
    target: PublishTarget,
    resources: SandboxResources,
  ): readonly Publication[] {
    const { portBindings, exposedPorts, publishAll } = request;
    try {
      const publications = parsePortRequests(portBindings, exposedPorts, publishAll).flatMap((port) =>
        this.#hold(port, target, resources),
      );
      this.#open(publications, target, resources);
      return publications;
    } catch (cause) {
      const text = `driver failed programming external connectivity on endpoint ${target.endpoint}`;
      throw new EngineError('internal', `${text}: ${messageOf(cause)}`, { cause });
    }
  }

  /** Takes over what an earlier daemon published. The firewall has the rules already. */
  restore(ports: SandboxRequest['portBindings'], target: PublishTarget, resources: SandboxResources): void {
    const publications = fromPortMap(ports);
    for (const publication of publications) {
      const { problem } = resources.process.use(this.#allocator.restore(publication, this.#holdFor(target)));
      if (problem === undefined) continue;
      const { hostAddress, hostPort, protocol } = publication;
      const { endpoint } = target;
      const subject = { endpoint, protocol, hostAddress, hostPort };
      this.#options.logger.warn('cannot hold a published port', { ...subject, error: problem });
    }
    this.#closeLater(publications, target, resources);
  }

  #hold(request: PortRequest, target: PublishTarget, { process }: SandboxResources): readonly Publication[] {
    const addresses = this.#hostAddresses(request);
    return process.use(this.#allocator.allocate(request, addresses, this.#holdFor(target))).publications;
  }

  #hostAddresses({ hostAddress, protocol }: PortRequest): readonly string[] {
    const { defaultAddress, userlandProxy } = this.#options;
    if (hostAddress !== '') return [hostAddress];
    if (defaultAddress !== '' && defaultAddress !== ANY_IPV4) return [defaultAddress];
    return userlandProxy && protocol !== 'sctp' ? [ANY_IPV4, ANY_IPV6] : [ANY_IPV4];
  }

  #holdFor({ containerAddress }: PublishTarget): HoldPort {
    return (publication) => holdHostPort(publication, this.#holdMode(publication), containerAddress);
  }

  #holdMode({ hostAddress }: Publication): HoldMode {
    const carried = this.#options.firewall !== undefined && !isIPv6(hostAddress);
    return carried || !this.#options.userlandProxy ? 'reserve' : 'proxy';
  }

  #open(publications: readonly Publication[], target: PublishTarget, resources: SandboxResources): void {
    this.#closeLater(publications, target, resources);
    this.#options.firewall?.publish(rulesOf(publications, target.containerAddress));
    this.#forgetConversations(publications);
  }

  #closeLater(
    publications: readonly Publication[],
    target: PublishTarget,
    { kernel }: SandboxResources,
  ): void {
    const { firewall } = this.#options;
    if (!firewall) return;
    kernel.defer(() => {
      firewall.unpublish(rulesOf(publications, target.containerAddress));
      this.#forgetConversations(publications);
    });
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
      this.#options.logger.warn('cannot forget conversations over UDP', { port, error: messageOf(error) });
    }
  }
}

/** What of the publications the firewall carries. */
export function rulesOf(publications: readonly Publication[], containerAddress: string) {
  return publications.filter(isFirewallRule).map((publication) => ({ ...publication, containerAddress }));
}

/**
 * Engines of one host begin in different places: while one is down, nobody holds its ports, though they still lead to
 * its containers.
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
