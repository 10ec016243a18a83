import { formatPort } from '#base/ports.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { ContainerNetworkView } from '../views.ts';
import type { ContainerNetworkSpec } from '../container-spec.ts';
import type { Container } from '../run/container.ts';
import { attachmentsOf } from '../run/sandbox-request.ts';

/** What a container has of networks: what is to be, and while it runs, what is there. */
export function viewNetwork({ run, spec }: Container): ContainerNetworkView {
  const sandbox = run?.sandbox;
  const attachments = attachmentsOf(spec.network);
  if (!sandbox) return { attachments };
  const { endpoints, publications, namespacePath } = sandbox;
  return {
    attachments,
    sandbox: {
      endpoints,
      publications,
      servedPorts: servedPorts(sandbox, spec.network),
      ...(namespacePath !== undefined && { namespacePath }),
    },
  };
}

/** Ports can be reached by an address only. */
function servedPorts(
  { endpoints, publications }: SandboxRecord,
  { exposedPorts }: ContainerNetworkSpec,
): readonly ContainerNetworkSpec['exposedPorts'][number][] {
  if (endpoints.every(({ addresses }) => addresses.length === 0)) return [];
  const published = publications.map(({ port, protocol }) => ({ port, protocol }));
  return [...new Map([...exposedPorts, ...published].map((port) => [formatPort(port), port])).values()];
}
