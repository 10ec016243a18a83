/**
 * Networks: what a container can reach and what can reach it.
 *
 * A *sandbox* is a network namespace with one or more *endpoints* (an interface with addresses on a network). The
 * sandbox is pinned at a path, taken from a pool of ready ones, given to the runtime, and dropped when the container
 * stops. Published ports are elements of nftables maps.
 *
 * Life cycle of a sandbox: acquired when the container starts → released when it stops. It outlives the daemon;
 * `restore` takes it over at the next start, and whatever no live container owns is removed.
 *
 * Errors: `exhausted` (no free address), `internal` for whatever is wrong with a port, since dockerd answers status
 * 500 ("driver failed programming external connectivity on endpoint X (ID): Bind for 0.0.0.0:80 failed: port is
 * already allocated"), `not-found` ("network X not found"), `invalid`, `unavailable` (no nftables).
 */
import type { Logger } from '#base/log.ts';
import type { EmitEvent } from '#base/event.ts';
import type { EndpointSettings, NetworkInspect, PortMap } from '#wire/network.ts';

export interface SandboxRequest {
  readonly containerId: string;
  /** Without leading slash. */
  readonly containerName: string;
  /** `bridge`, `none`, `host` or the name of a network; `container:ID` is the container domain's business. */
  readonly mode: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  /** What to publish, with host addresses, ports and ranges as asked for. */
  readonly portBindings: PortMap;
  /** `80/tcp`, …: with `publishAll` each gets a free port. */
  readonly exposedPorts: readonly string[];
  readonly publishAll: boolean;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:address`, where `host-gateway` stands for the host. */
  readonly extraHosts: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly macAddress?: string;
}

export interface Sandbox {
  readonly containerId: string;
  /** Pinned namespace; absent for `host`. */
  readonly namespacePath?: string;
  /** By network name. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  /** What is published, with the ports that were chosen. */
  readonly ports: PortMap;
  /** Whole contents of the container's files. */
  readonly hostsFile: string;
  readonly resolvConf: string;
}

/** What must be remembered to take a sandbox over after a restart: JSON. */
export type SandboxRecord = Sandbox & { readonly request: SandboxRequest };

/**
 * Disposing is the daemon's clean stop: sandboxes and rules of running containers stay. What this process did for
 * them itself rests until the next start: names do not resolve, ports published on IPv6 are closed.
 */
export interface Networks extends AsyncDisposable {
  /**
   * @throws {EngineError} nothing is left behind then
   */
  acquire(request: SandboxRequest): Promise<SandboxRecord>;
  /** Idempotent; fast: the kernel finishes in the background. */
  release(record: SandboxRecord): void;
  /** A live container was renamed: the resolver and inspect answer by the new name. */
  rename(containerId: string, name: string): void;
  list(): readonly NetworkInspect[];
  /** By name, id or prefix of the id. @throws {EngineError} `not-found` */
  inspect(reference: string): NetworkInspect;
  /** The endpoints a container will have, before it runs: for inspect after create. */
  plannedEndpoints(
    mode: string,
    endpoints: Readonly<Record<string, EndpointSettings>>,
  ): Readonly<Record<string, EndpointSettings>>;
  /** Removes everything, the bridge and the firewall's table included; then disposes. Containers are cut off. */
  destroy(): Promise<void>;
  /** @throws {EngineError} as Docker does at create for malformed or impossible requests */
  validate(request: Pick<SandboxRequest, 'mode' | 'endpoints' | 'portBindings' | 'extraHosts' | 'dns'>): void;
}

export interface NetworksOptions {
  /** State below here (pinned namespaces): on the run-time directory. */
  readonly runDirectory: string;
  /** `caisson0`. */
  readonly bridgeName: string;
  /** Name of the nftables table (family inet): `caisson`. */
  readonly tableName: string;
  /** `172.17.0.1/16` as in `--bip`; absent: that, or the next free pool. */
  readonly bridgeAddress?: string;
  /** Namespaces kept ready. */
  readonly poolSize: number;
  readonly iptables: boolean;
  readonly userlandProxy: boolean;
  readonly icc: boolean;
  readonly defaultBindAddress: string;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
}

/** What the engine gives the networks beside their configuration. */
export interface NetworksEnvironment {
  readonly emit: EmitEvent;
  readonly logger: Logger;
  /** Of the containers that are running now: taken over. Whatever else an earlier daemon left is removed. */
  readonly restore: readonly SandboxRecord[];
}
