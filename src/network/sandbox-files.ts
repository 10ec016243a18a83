import { readFileSync } from 'node:fs';
import { parseExtraHosts } from './extra-hosts.ts';
import type { HostResolver } from './host-resolver.ts';
import { renderHostsFile } from './hosts-file.ts';
import type { NetworksOptions, SandboxRequest } from './network.ts';
import {
  overrideResolver,
  renderInternalResolvConf,
  renderResolvConf,
  type ResolverSettings,
} from './resolv-conf.ts';

type Defaults = Pick<NetworksOptions, 'dns' | 'dnsSearch' | 'dnsOptions'>;

/** Writes the files that tell a container who is where, and knows the host's own. */
export class SandboxFiles {
  readonly #defaults: Defaults;
  readonly #host: HostResolver;
  /** What `host-gateway` stands for. */
  readonly #hostGateway: string;

  constructor(defaults: Defaults, host: HostResolver, hostGateway: string) {
    this.#defaults = defaults;
    this.#host = host;
    this.#hostGateway = hostGateway;
  }

  /** The container's flags over the engine's over the host's. */
  resolver(request: SandboxRequest): ResolverSettings {
    const { dns, dnsSearch, dnsOptions } = this.#defaults;
    const engine = overrideResolver(this.#host.settings, {
      nameservers: dns,
      search: dnsSearch,
      options: dnsOptions,
    });
    return overrideResolver(engine, flagsOf(request));
  }

  /** For a container that asks the engine's resolver. */
  internalResolvConf(request: SandboxRequest): string {
    return renderInternalResolvConf(this.resolver(request));
  }

  /** For one that asks the servers itself. */
  resolvConf(request: SandboxRequest): string {
    return renderResolvConf(this.resolver(request));
  }

  /** In the host's network: the host's file, as long as nothing was asked for. */
  hostResolvConf(request: SandboxRequest): string {
    const { nameservers, search, options } = flagsOf(request);
    const untouched = [...nameservers, ...search, ...options].length === 0;
    return untouched && this.#host.text !== '' ? this.#host.text : this.resolvConf(request);
  }

  hosts(request: SandboxRequest, addresses: readonly string[]): string {
    const { hostname, domainname } = request;
    const extra = parseExtraHosts(request.extraHosts, this.#hostGateway);
    return renderHostsFile({ extra, addresses, hostname, domainname });
  }

  /** In the host's network: the host's file, as long as there is nothing to add. */
  hostHosts(request: SandboxRequest): string {
    if (request.extraHosts.length > 0) return this.hosts(request, []);
    try {
      return readFileSync('/etc/hosts', 'utf8');
    } catch {
      // A host without the file resolves localhost by other means.
      return this.hosts(request, []);
    }
  }
}

function flagsOf(request: SandboxRequest): ResolverSettings {
  return { nameservers: request.dns, search: request.dnsSearch, options: request.dnsOptions };
}
