import { containerError } from '../container-errors.ts';
import type { ContainerSpec } from '../container-spec.ts';

/** Kernel parameters of IPC namespaces (ipc_namespaces(7)), besides those below `fs.mqueue`. */
const IPC: ReadonlySet<string> = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel.${name}`,
  ),
);

/**
 * Refuses kernel parameters of the whole machine, and those of namespaces that are the host's.
 *
 * @throws {EngineError} `sysctl-of-machine`, `sysctl-of-host`
 */
export function checkSysctls({ namespaces, network }: Pick<ContainerSpec, 'namespaces' | 'network'>): void {
  const isHosts = {
    network: network.mode.kind === 'host',
    ipc: namespaces.ipc === 'host',
    uts: namespaces.uts === 'host',
  };
  for (const subject of Object.keys(namespaces.sysctls)) {
    const namespace = namespaceOf(subject.replaceAll('/', '.'));
    if (namespace === undefined) throw containerError('sysctl-of-machine', { subject });
    if (isHosts[namespace]) throw containerError('sysctl-of-host', { subject, details: { namespace } });
  }
}

function namespaceOf(name: string): 'network' | 'ipc' | 'uts' | undefined {
  if (name.startsWith('net.')) return 'network';
  if (name.startsWith('fs.mqueue.') || IPC.has(name)) return 'ipc';
  return name === 'kernel.domainname' ? 'uts' : undefined;
}
