import type { SandboxRecord } from '#network/network.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContainerSpec } from './container-spec.ts';
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
  /** Complete: merged with the image's defaults and fitted to the host. */
  readonly spec: ContainerSpec;
  /** The request as it was asked for; see `CreateContainerRequest`. */
  readonly requested?: unknown;
  readonly mounts: MountPlan;
}

/** What changes in the life of a container. */
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
