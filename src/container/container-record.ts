import type { Digest } from '#oci/digest.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { ContainerConfig, HostConfig } from '#wire/container.ts';
import type { EndpointSettings } from '#wire/network.ts';
import type { MountPlan } from './mounts/mount-plan.ts';
import type { ContainerState } from './run/state.ts';

/** What a container is: decided when it is created, changed only by `rename` and `update`. */
export interface ContainerDefinition {
  readonly id: string;
  /** Without leading slash. */
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly imageId: Digest;
  /** Merged with the image's. */
  readonly config: ContainerConfig;
  /** Complete: what the runtime gets, and inspect shows. */
  readonly hostConfig: HostConfig;
  /** Nobody asked for a log driver: it is the engine's choice, not the user's. */
  readonly usesDefaultLog: boolean;
  /** As asked for, by network. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly mounts: MountPlan;
}

/** How a container fares. */
export interface ContainerProgress {
  readonly state: ContainerState;
  /** While it runs; absent where it shares another container's network. */
  readonly sandbox?: SandboxRecord;
  /** A start that was promised to survive power loss and has not succeeded yet. */
  readonly starting?: StartPromise;
}

export interface StartPromise {
  /** RFC 3339. */
  readonly at: string;
  readonly bootId: string;
}
