import { availableParallelism } from 'node:os';
import type { CgroupLayout } from '#linux/cgroup-layout.ts';
import type { LogDriver } from '#log/log.ts';
import { containerError } from '../container-errors.ts';
import type {
  ContainerSpec,
  JoinedNamespace,
  LogSpec,
  NamespacesSpec,
  ResourceLimits,
} from '../container-spec.ts';
import type { ContainerDefaults, InstalledRuntime } from '../dependencies.ts';
import { resolveCapabilities } from '../spec/capabilities.ts';
import { checkLimits } from './check-limits.ts';

/** What a spec is fitted to. */
export interface ContainerHost {
  readonly defaults: ContainerDefaults;
  readonly runtime: InstalledRuntime;
  readonly cgroupLayout: Pick<CgroupLayout, 'mode'>;
  /** By name. */
  readonly logs: ReadonlyMap<string, LogDriver>;
  readonly lookup: { find(reference: string): { readonly id: string } | undefined };
}

const MAXIMUM_HOSTNAME_BYTES = 64;
const RUNTIME_NAMES: ReadonlySet<string> = new Set(['crun', 'runc', 'io.containerd.runc.v2']);

/**
 * Completes a spec with what depends on this host, and checks it against the host.
 *
 * @throws {EngineError} `invalid` for what this host cannot do or does not have
 */
export function fitToHost(spec: ContainerSpec, host: ContainerHost): ContainerSpec {
  checkHostname(spec);
  checkLimits(spec.limits);
  checkProcessors(spec.limits);
  checkNumberSet(spec.limits.cpus, 'cpus');
  checkNumberSet(spec.limits.memoryNodes, 'mems');
  const { addedCapabilities: add, droppedCapabilities: drop, privileged } = spec.security;
  resolveCapabilities({ add, drop, privileged });
  const { runtime = host.runtime.name } = spec;
  if (!RUNTIME_NAMES.has(runtime)) throw containerError('runtime-unknown', { subject: runtime });
  return {
    ...spec,
    runtime,
    namespaces: completeNamespaces(spec.namespaces, host),
    network: { ...spec.network, mode: byId(spec.network.mode, host) },
    log: completeLog(spec.log, host),
  };
}

function checkHostname({ hostname = '', namespaces }: ContainerSpec): void {
  if (Buffer.byteLength(hostname) > MAXIMUM_HOSTNAME_BYTES) {
    throw containerError('hostname-long', {
      subject: hostname,
      details: { maximum: MAXIMUM_HOSTNAME_BYTES },
    });
  }
  if (namespaces.uts === 'host' && hostname !== '')
    throw containerError('hostname-of-host', { subject: hostname });
}

function checkProcessors({ nanoCpus = 0, cpuPeriodUs = 0, cpuQuotaUs = 0 }: ResourceLimits): void {
  if (nanoCpus === 0) return;
  if (cpuPeriodUs > 0) throw containerError('cpus-and-period');
  if (cpuQuotaUs > 0) throw containerError('cpus-and-quota');
  const available = availableParallelism();
  if (nanoCpus > 0 && nanoCpus <= available * 1e9) return;
  throw containerError('cpus-out-of-range', { details: { available } });
}

/** `0-3,5` as in cpuset(7). */
function checkNumberSet(set = '', what: 'cpus' | 'mems'): void {
  if (set === '' || /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(set)) return;
  throw containerError('cpuset-invalid', { subject: set, details: { what } });
}

/** The mode with the id of a container to join; one that does not exist fails the start. */
function byId<Mode extends object | string>(mode: Mode, { lookup }: Pick<ContainerHost, 'lookup'>): Mode {
  if (typeof mode === 'string' || !isJoined(mode)) return mode;
  return { ...mode, container: lookup.find(mode.container)?.id ?? mode.container };
}

function isJoined<Mode extends object>(mode: Mode): mode is Mode & JoinedNamespace {
  return 'container' in mode;
}

function completeNamespaces(wanted: NamespacesSpec, host: ContainerHost): NamespacesSpec {
  return {
    ...wanted,
    pid: byId(wanted.pid, host),
    ipc: byId(wanted.ipc, host),
    cgroup: wanted.cgroup ?? (host.cgroupLayout.mode === 'v2' ? 'private' : 'host'),
    sharedMemoryBytes: wanted.sharedMemoryBytes ?? host.defaults.shmSizeBytes,
  };
}

function completeLog(asked: LogSpec, { defaults, logs }: ContainerHost): LogSpec {
  const name = asked.driver ?? defaults.logDriver;
  const options = { ...(name === defaults.logDriver && defaults.logOptions), ...asked.options };
  const driver = logs.get(name);
  if (!driver) {
    const known = [...logs.keys()].join(', ');
    throw containerError('log-driver-unknown', { subject: name, details: { known } });
  }
  driver.validate(options);
  return { driver: name, options };
}
