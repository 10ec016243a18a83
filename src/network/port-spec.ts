import type { ContainerPort, PortRange } from '#base/ports.ts';

/** One binding that is asked for: which ports of the host may lead to a container's port. */
export interface PortRequest extends ContainerPort {
  /** Empty: wherever the engine publishes by default. */
  readonly hostAddress: string;
  /** Any port of the range will do, the lowest free one is taken; absent: any free port. */
  readonly hostPorts?: PortRange;
}
