import type { EndpointSettings, NetworkInspect, PortMap } from '#wire/network.ts';
import type { SandboxRecord, SandboxRequest } from './network.ts';

/** The part of a network's description that is the driver's. */
export type NetworkDescription = Pick<NetworkInspect, 'Driver' | 'IPAM' | 'Options'>;

/** What a driver gives a container. */
export interface Attachment {
  /** Pinned namespace; absent if it shares the host's. */
  readonly namespacePath?: string;
  readonly endpoint: EndpointSettings;
  readonly ports: PortMap;
  readonly hostsFile: string;
  readonly resolvConf: string;
}

/** What must be let go, in two groups, since the kernel's part outlives the daemon. */
export interface SandboxResources {
  /** Namespaces, addresses, rules: until the container stops. */
  readonly kernel: DisposableStack;
  /** Sockets of this process: until the container stops or the daemon does, and before the kernel's part. */
  readonly process: DisposableStack;
}

/**
 * One network, by the rules of its kind. Whatever `attach` and `restore` acquire they put on `resources` at once, so
 * that a failure in the middle leaves nothing behind.
 */
export interface NetworkDriver {
  describe(): NetworkDescription;
  /** @throws {EngineError} */
  attach(request: SandboxRequest, resources: SandboxResources): Attachment;
  /** Takes over what an earlier daemon attached; reports what is broken to the log instead of failing. */
  restore(record: SandboxRecord, resources: SandboxResources): void;
  /** A container on it has another name now. */
  rename(record: SandboxRecord): void;
}
