/** What a command of a build is given beside its files, in the words of containers. */
import type { NetworkMode, ResourceLimit, ResourceLimits, SecuritySpec } from '#container/container-spec.ts';
import { unreachable } from '#base/unreachable.ts';
import { newContainerSpec } from '#container/new-container-spec.ts';

export interface CommandSettings {
  readonly network: NetworkMode;
  /** `name:address`. */
  readonly extraHosts?: readonly string[];
  /** Size of `/dev/shm`. */
  readonly sharedMemoryBytes: number;
  readonly ulimits: readonly ResourceLimit[];
  readonly limits: ResourceLimits;
  readonly security: SecuritySpec;
}

/** Docker's and BuildKit's. */
export const DEFAULT_SHARED_MEMORY_BYTES = 64 * 2 ** 20;

/** The engine's default network, without limits. */
export const DEFAULT_NETWORK: NetworkMode = { kind: 'attached', attachments: [] };

/** What a client gets that asks for nothing. */
export function defaultCommandSettings(network: NetworkMode = DEFAULT_NETWORK): CommandSettings {
  const { limits, security } = newContainerSpec('build');
  return { network, sharedMemoryBytes: DEFAULT_SHARED_MEMORY_BYTES, ulimits: [], limits, security };
}

/** As Docker names it: `bridge`, `host`, `none`, `container:ID`, or the network's name. */
export function networkName(network: NetworkMode): string {
  switch (network.kind) {
    case 'attached':
      return network.attachments.map(({ network: name }) => name).join(',') || 'bridge';
    case 'joined':
      return `container:${network.container}`;
    case 'none':
    case 'unconnected':
    case 'host':
      return network.kind;
    default:
      return unreachable(network);
  }
}
