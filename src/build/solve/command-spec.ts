import type { ContainerSpec } from '#container/container-spec.ts';
import { newContainerSpec } from '#container/new-container-spec.ts';
import type { ExecVertex } from '../definition/vertex.ts';

/** The same for every command, or what writes it down would be different each time; BuildKit's. */
const SANDBOX_HOSTNAME = 'buildkitsandbox';

/**
 * A step's command as a container.
 *
 * @param more variables that are in nothing else: secrets
 */
export function commandSpec(vertex: ExecVertex, more: readonly string[] = []): ContainerSpec {
  const { argv, env, proxies, workingDirectory, user, hostname = SANDBOX_HOSTNAME } = vertex;
  const { settings, readOnlyRoot = false, ulimits = settings.ulimits } = vertex;
  return newContainerSpec('build', {
    // The machine's name belongs to the network that is joined.
    ...(settings.network.kind !== 'joined' && { hostname }),
    process: {
      command: argv,
      environment: [...env, ...proxies, ...more],
      ...(workingDirectory !== '' && { workingDirectory }),
      ...(user !== '' && { user }),
      ulimits,
    },
    root: { readOnly: readOnlyRoot },
    limits: settings.limits,
    security: settings.security,
    namespaces: { sharedMemoryBytes: settings.sharedMemoryBytes },
    network: { mode: settings.network, extraHosts: settings.extraHosts ?? [] },
  });
}
