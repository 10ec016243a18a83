/**
 * The facade: one engine with its domains wired. It knows nothing of HTTP; `api/` serves it, and a TypeScript
 * program can use it in-process: `await using engine = await Engine.start({ root: '/var/lib/caisson' })`.
 */
import type { DomainEvent } from '#base/event.ts';
import type { Builds } from '#build/build.ts';
import type { Containers } from '#container/container.ts';
import type { ImageStore } from '#image/image.ts';
import type { Networks } from '#network/network.ts';
import type { DiskUsage, UsageType } from './disk-usage.ts';
import type { Integrity } from './integrity.ts';
import type { Registries } from '#registry/registry.ts';
import type { Volumes } from '#volume/volume.ts';

export interface EventQuery {
  /** Nanoseconds since the epoch. */
  readonly sinceNs?: bigint;
  /** Ends the stream; in the past: only what is remembered. */
  readonly untilNs?: bigint;
  readonly filters: ReadonlyMap<string, readonly string[]>;
  readonly signal?: AbortSignal;
}

/** Something that happened to one of the engine's objects. */
export interface EngineEvent extends DomainEvent {
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
}

export interface EngineVersion {
  readonly version: string;
  /** The OCI runtime that starts containers. */
  readonly runtime: { readonly name: string; readonly version: string };
  /** The version of Node.js: `v26.1.0`. */
  readonly node: string;
  readonly kernel: string;
  /** The architecture in the words of images: `amd64`. */
  readonly architecture: string;
  readonly isExperimental: boolean;
}

/** What the engine knows of itself and its host. */
export interface EngineInfo {
  readonly id: string;
  readonly version: EngineVersion;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  /** The directory of its data. */
  readonly root: string;
  /** How layers are kept. */
  readonly layers: 'erofs' | 'directory';
  readonly logDrivers: readonly string[];
  readonly logDriver: string;
  readonly cgroup: { readonly version: '1' | '2'; readonly controllers: ReadonlySet<string> };
  readonly runtimes: readonly { readonly name: string; readonly path: string }[];
  readonly initPath: string;
  /** Containers have a filter of system calls unless they ask for none. */
  readonly hasSeccomp: boolean;
  readonly labels: readonly string[];
  readonly registries: { readonly insecure: readonly string[]; readonly mirrors: readonly string[] };
  readonly eventListeners: number;
  /** Descriptors; -1 if they cannot be counted. */
  readonly openFiles: number;
  readonly warnings: readonly string[];
  /** The proxies of the engine's environment; empty where they are not set. */
  readonly proxies: { readonly http: string; readonly https: string; readonly none: string };
  readonly host: HostInfo;
}

export interface HostInfo {
  readonly name: string;
  /** `Debian GNU/Linux 13 (trixie)` */
  readonly operatingSystem: string;
  readonly operatingSystemVersion: string;
  /** The architecture in the words of uname(2): `x86_64`. */
  readonly machine: string;
  readonly processors: number;
  readonly memoryBytes: number;
  /** Kernel parameters of the network. */
  readonly forwardsIpv4: boolean;
  readonly filtersBridgedIpv4: boolean;
  readonly filtersBridgedIpv6: boolean;
}

export interface EngineApi {
  readonly containers: Containers;
  readonly images: ImageStore;
  readonly builds: Builds;
  readonly registries: Registries;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly integrity: Integrity;
  /** Lasts as long as the root. */
  readonly id: string;
  /** Remembered events since `sinceNs`, then live ones until `untilNs` or the signal. Subscribed when it returns. */
  events(query: EventQuery): AsyncIterable<EngineEvent>;
  version(): EngineVersion;
  info(): Promise<EngineInfo>;
  diskUsage(types: readonly UsageType[]): Promise<DiskUsage>;
}
