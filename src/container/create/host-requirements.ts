import { signalNumber } from '#base/signals.ts';
import type { CgroupFeatures } from '#linux/cgroup-features.ts';
import type { CgroupLayout } from '#linux/cgroup-layout.ts';
import type { LogDriver } from '#log/log.ts';
import type { Networks } from '#network/network.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerSpec, JoinedNamespace, NamespacesSpec, NetworkMode } from '../container-spec.ts';
import type { ContainerDefaults, InstalledRuntime } from '../dependencies.ts';
import { resolveCapabilities } from '../spec/capabilities.ts';
import { RUNTIME_NAMES } from '../process/runtimes.ts';
import { checkDeviceRequests } from '../spec/spec-devices.ts';
import { processRlimits } from '../spec/spec-process.ts';
import { withDefaultUlimits } from '../spec/ulimits.ts';
import { checkSeccomp } from '../spec/select-seccomp.ts';
import { checkLimits } from './check-limits.ts';
import { checkSysctls } from './check-sysctls.ts';
import { completeLog } from './complete-log.ts';
import { fitLimits } from './fit-limits.ts';

/** What a spec is fitted to. */
export interface ContainerHost {
  readonly defaults: ContainerDefaults;
  readonly runtime: InstalledRuntime;
  readonly otherRuntime?: InstalledRuntime;
  readonly cgroupLayout: Pick<CgroupLayout, 'mode'>;
  readonly cgroupFeatures: CgroupFeatures;
  /** By name. */
  readonly logs: ReadonlyMap<string, LogDriver>;
  readonly networks: Pick<Networks, 'defaultNetwork'>;
  readonly lookup: { find(reference: string): { readonly id: string } | undefined };
}

const MAXIMUM_HOSTNAME_BYTES = 64;
/** crun holds its own files open until the limit has come into force. */
const OPEN_FILES_OF_CRUN = 64;

/** A spec that this host can do, and what of the asked one it cannot, in Docker's words. */
interface FittedSpec {
  readonly spec: ContainerSpec;
  readonly warnings: readonly string[];
}

/**
 * Completes a spec with what depends on this host, and checks it against the host.
 *
 * @throws {EngineError} `invalid` for what this host cannot do or does not have
 */
export function fitToHost(asked: ContainerSpec, host: ContainerHost): FittedSpec {
  checkHostname(asked);
  checkProcess(asked);
  checkSecurity(asked);
  checkSysctls(asked);
  checkLimits(asked.limits);
  const { limits, warnings } = fitLimits(asked.limits, host.cgroupFeatures);
  checkDeviceRequests(asked.devices);
  const [storageOption] = Object.keys(asked.root.storageOptions);
  if (storageOption !== undefined)
    throw containerError('storage-option-unsupported', { subject: storageOption });
  const spec = {
    ...asked,
    runtime: runtimeOf(asked, host),
    limits,
    process: { ...asked.process, init: asked.process.init ?? host.defaults.init },
    security: {
      ...asked.security,
      noNewPrivileges: asked.security.noNewPrivileges ?? host.defaults.noNewPrivileges,
    },
    namespaces: completeNamespaces(asked, host),
    network: { ...asked.network, mode: networkMode(asked, host) },
    log: completeLog(asked.log, host),
  };
  return { spec, warnings };
}

/** Where nothing is asked for, the engine's runtime, or runc for what crun cannot do. */
function runtimeOf(spec: ContainerSpec, host: ContainerHost): string {
  const installed = [host.runtime, ...(host.otherRuntime ? [host.otherRuntime] : [])].map(({ name }) => name);
  const what = beyondCrun(withDefaultUlimits(host.defaults.ulimits, spec));
  const fallback = what !== undefined && installed.includes('runc') ? 'runc' : host.runtime.name;
  const runtime = spec.runtime ?? fallback;
  const name = RUNTIME_NAMES[runtime];
  if (name === undefined || (runtime === name && !installed.includes(name)))
    throw containerError('runtime-unknown', { subject: runtime });
  if (what !== undefined && name === 'crun')
    throw containerError('beyond-runtime', { subject: runtime, details: { what } });
  return runtime;
}

/** What crun does otherwise than it is asked for. */
function beyondCrun({ process, mounts }: ContainerSpec): string | undefined {
  const isTight = process.ulimits.some(
    ({ name, soft }) => name === 'nofile' && soft >= 0 && soft < OPEN_FILES_OF_CRUN,
  );
  if (isTight) return `limit open files to fewer than ${OPEN_FILES_OF_CRUN}`;
  const isShallow = mounts.mounts.some((mount) => mount.type === 'bind' && !mount.recursive);
  return isShallow ? 'bind a directory without what is mounted below it' : undefined;
}

function checkProcess({ process, stop }: ContainerSpec): void {
  processRlimits(process.ulimits);
  if (stop.signal !== undefined) signalNumber(stop.signal);
}

function checkSecurity({ security }: ContainerSpec): void {
  const { addedCapabilities: add, droppedCapabilities: drop, privileged } = security;
  resolveCapabilities({ add, drop, privileged });
  checkSeccomp(security);
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

/** The mode with the id of a container to join; one that does not exist fails the start. */
function byId<Mode extends object | string>(mode: Mode, { lookup }: Pick<ContainerHost, 'lookup'>): Mode {
  if (typeof mode === 'string' || !isJoined(mode)) return mode;
  return { ...mode, container: lookup.find(mode.container)?.id ?? mode.container };
}

function isJoined<Mode extends object>(mode: Mode): mode is Mode & JoinedNamespace {
  return 'container' in mode;
}

/** The same, of a container that must be there. */
function joinable<Mode extends object | string>(mode: Mode, what: string, host: ContainerHost): Mode {
  if (typeof mode === 'object' && isJoined(mode) && !host.lookup.find(mode.container))
    throw containerError('no-container-to-join', { subject: mode.container, details: { what } });
  return byId(mode, host);
}

/** A container on the default network has none where the engine has no such network. */
function networkMode({ network: { mode } }: ContainerSpec, host: ContainerHost): NetworkMode {
  const isDefault = mode.kind === 'attached' && mode.attachments.length === 0;
  return isDefault && host.networks.defaultNetwork === 'none' ? { kind: 'none' } : byId(mode, host);
}

function completeNamespaces({ namespaces, security }: ContainerSpec, host: ContainerHost): NamespacesSpec {
  const { defaults, cgroupLayout } = host;
  const { ipc = defaults.ipc } = namespaces;
  // Where cgroups are visible as a whole, a privileged container manages them as the host does.
  const isUnified = cgroupLayout.mode === 'v2';
  const usual = security.privileged && !isUnified ? 'host' : defaults.cgroupNamespace;
  return {
    ...namespaces,
    pid: joinable(namespaces.pid, 'PID namespace', host),
    ipc: joinable(ipc, 'IPC namespace', host),
    cgroup: namespaces.cgroup ?? usual ?? (isUnified ? 'private' : 'host'),
    sharedMemoryBytes: namespaces.sharedMemoryBytes ?? defaults.shmSizeBytes,
  };
}
