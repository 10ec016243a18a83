import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IpAddress } from '#base/ip-address.ts';
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

/** Where a sandbox lives, which decides what its files say. */
export type FilesFor =
  /** The container is on networks, with the engine's resolver and these addresses. */
  | { readonly kind: 'networks'; readonly addresses: readonly IpAddress[] }
  /** The container has no interface: it asks no server, but may be given an interface by hand. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'host' };

/** The files that tell a container which names have which addresses; it knows the host's own. */
export class SandboxFiles {
  readonly #defaults: Defaults;
  readonly #host: HostResolver;
  /** What `host-gateway` stands for; absent where there is no default bridge. */
  readonly #hostGateway: () => string;

  constructor(defaults: Defaults, host: HostResolver, hostGateway: () => string) {
    this.#defaults = defaults;
    this.#host = host;
    this.#hostGateway = hostGateway;
  }

  /** Writes them where the request says. */
  write(request: SandboxRequest, where: FilesFor): void {
    const { files, hostname } = request;
    if (!files) return;
    writeAnew(files.hosts, this.hosts(request, where));
    writeAnew(files.resolvConf, this.resolvConf(request, where));
    if (files.hostname !== undefined) writeAnew(files.hostname, `${hostname}\n`);
  }

  /** The name servers that the resolver asks for a sandbox: its own over the engine's over the host's. */
  nameservers(request: SandboxRequest): readonly string[] {
    return this.#settings(request).nameservers;
  }

  resolvConf(request: SandboxRequest, where: FilesFor): string {
    if (where.kind === 'networks') return renderInternalResolvConf(this.#settings(request));
    const { nameservers, search, options } = askedSettings(request);
    const isUntouched = [...nameservers, ...search, ...options].length === 0;
    // In the host's network it is the host's file, as long as nothing was asked for.
    if (where.kind === 'host' && isUntouched && this.#host.text !== '') return this.#host.text;
    return renderResolvConf(this.#settings(request));
  }

  hosts(request: SandboxRequest, where: FilesFor): string {
    const { hostname, domainname, extraHosts, linkedHosts } = request;
    // In the host's network it is the host's file, as long as there is nothing to add.
    const ofHost = where.kind === 'host' && extraHosts.length === 0 ? hostHostsFile() : undefined;
    if (ofHost !== undefined) return ofHost;
    const extra = parseExtraHosts(extraHosts, this.#hostGateway());
    const addresses = where.kind === 'networks' ? where.addresses : [];
    return renderHostsFile({ extra, addresses, hostname, domainname, ...(linkedHosts && { linkedHosts }) });
  }

  #settings(request: SandboxRequest): ResolverSettings {
    const { dns, dnsSearch, dnsOptions } = this.#defaults;
    const defaults = { nameservers: dns, search: dnsSearch, options: dnsOptions };
    return overrideResolver(overrideResolver(this.#host.settings, defaults), askedSettings(request));
  }
}

function askedSettings({ dnsServers, dnsSearch, dnsOptions }: SandboxRequest): ResolverSettings {
  return { nameservers: dnsServers, search: dnsSearch, options: dnsOptions };
}

/** Undefined on a host that resolves localhost by other means. */
function hostHostsFile(): string | undefined {
  try {
    return readFileSync('/etc/hosts', 'utf8');
  } catch {
    return undefined;
  }
}

/** A container that has the former file may hold a lease on it, and opening the file would wait for that. */
function writeAnew(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { flag: 'wx' });
}
