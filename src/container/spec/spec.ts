import type { CgroupLayout } from '#linux/cgroup-layout.ts';
import type { NamespaceType, RuntimeNamespace, RuntimeProcess, RuntimeSpec } from '#oci/runtime-spec.ts';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from '#oci/protected-paths.ts';
import type { ExecSpec } from '../container.ts';
import type { ContainerSpec, SecuritySpec, TerminalSize } from '../container-spec.ts';
import { resolveCapabilities } from './capabilities.ts';
import type { ResolvedMount } from '../mounts/mounts.ts';
import type { SeccompProfile } from './seccomp.ts';
import { allDevices, type HostDevices } from './spec-devices.ts';
import { type InjectedFiles, rootPropagation, specMounts } from './spec-mounts.ts';
import { processEnvironment, processRlimits } from './spec-process.ts';
import { specResources } from './spec-resources.ts';
import type { ResolvedUser } from './user.ts';

/** A namespace of its own, the host's, or another container's by the path of its /proc/PID/ns file. */
export type NamespaceChoice = 'private' | 'host' | { readonly path: string };

export interface SpecNamespaces {
  readonly pid: NamespaceChoice;
  readonly ipc: NamespaceChoice;
  readonly uts: NamespaceChoice;
  readonly cgroup: NamespaceChoice;
}

export interface SpecInput {
  readonly id: string;
  /** Complete. */
  readonly spec: ContainerSpec;
  /** The mounted root. */
  readonly rootPath: string;
  readonly hostname: string;
  readonly domainname: string;
  /** Absent: the host's network. */
  readonly networkNamespacePath?: string;
  readonly namespaces: SpecNamespaces;
  readonly mounts: readonly ResolvedMount[];
  readonly files: InjectedFiles;
  /** A tmpfs that containers share as /dev/shm (`--ipc shareable`, `container:`); absent: one of its own. */
  readonly shmPath?: string;
  readonly user: ResolvedUser;
  /** What the host has of `deviceQuery`. */
  readonly devices: HostDevices;
  readonly cgroupsPath: string;
  readonly cgroupLayout: Pick<CgroupLayout, 'mode'>;
  /** See `selectSeccomp`; undefined: unconfined. */
  readonly seccomp: SeccompProfile | undefined;
  /** The host's tini; runs as PID 1 where the spec says so. */
  readonly initPath?: string;
}

const INIT_DESTINATION = '/sbin/docker-init';

/**
 * Everything that the runtime must know to run a container, with Docker's confinement.
 *
 * @throws {EngineError} `invalid` for capabilities, security options, devices or limits that cannot be
 */
export function buildSpec(input: SpecInput): RuntimeSpec {
  const { spec } = input;
  const { security } = spec;
  const capabilities = capabilitiesOf(security);
  const { numbers, requested } = input.devices;
  const devices = security.privileged ? allDevices() : requested;
  const rootfsPropagation = rootPropagation(input.mounts);
  const seccomp = input.seccomp?.compile(capabilities);
  const cgroupVersion = input.cgroupLayout.mode === 'v2' ? 2 : 1;
  return {
    ociVersion: '1.0.2',
    process: containerProcess(input, capabilities),
    root: { path: input.rootPath, ...(spec.root.readOnly ? { readonly: true } : {}) },
    ...(input.namespaces.uts === 'private' ? { hostname: input.hostname } : {}),
    mounts: specMounts({ ...input, ...sharedMemory(input), initDestination: INIT_DESTINATION }),
    ...(Object.keys(spec.annotations).length > 0 ? { annotations: spec.annotations } : {}),
    linux: {
      sysctl: sysctls(input),
      resources: specResources(spec, { rules: devices.rules, numbers }, cgroupVersion),
      cgroupsPath: input.cgroupsPath,
      namespaces: namespacesOf(input),
      ...(devices.nodes.length > 0 ? { devices: devices.nodes } : {}),
      ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }),
      ...systemPathsOf(security),
      ...(seccomp ? { seccomp } : {}),
    },
  };
}

/** A container in the host's IPC namespace has the host's shared memory. */
function sharedMemory({ namespaces }: SpecInput): { readonly shmPath?: string } {
  return namespaces.ipc === 'host' ? { shmPath: '/dev/shm' } : {};
}

/** What the container's own processes may do. */
export function capabilitiesOf(security: SecuritySpec): readonly string[] {
  const { addedCapabilities, droppedCapabilities, privileged } = security;
  return resolveCapabilities({ add: addedCapabilities, drop: droppedCapabilities, privileged });
}

function systemPathsOf(security: SecuritySpec): Pick<RuntimeSpec['linux'], 'maskedPaths' | 'readonlyPaths'> {
  if (security.privileged) return {};
  return {
    maskedPaths: security.maskedPaths ?? DEFAULT_MASKED_PATHS,
    readonlyPaths: security.readOnlyPaths ?? DEFAULT_READONLY_PATHS,
  };
}

function containerProcess(input: SpecInput, capabilities: readonly string[]): RuntimeProcess {
  const { spec, user } = input;
  const { process } = spec;
  const args = commandOf(spec);
  return {
    ...(process.terminal ? { terminal: true, ...consoleSizeOf(process.terminalSize) } : {}),
    user: runtimeUser(user),
    args: process.init && input.initPath !== undefined ? [INIT_DESTINATION, '--', ...args] : args,
    env: processEnvironment({
      hostname: spec.hostname ?? input.hostname,
      tty: process.terminal,
      home: user.home,
      own: process.environment,
    }),
    cwd: process.workingDirectory ?? '/',
    ...confinement(spec, capabilities),
  };
}

/** What a container and its execs have in common. */
function confinement(
  { process, security }: ContainerSpec,
  capabilities: readonly string[],
): Pick<RuntimeProcess, 'capabilities' | 'rlimits' | 'noNewPrivileges' | 'oomScoreAdj'> {
  const rlimits = processRlimits(process.ulimits);
  return {
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    ...(rlimits.length > 0 ? { rlimits } : {}),
    noNewPrivileges: security.noNewPrivileges ?? false,
    oomScoreAdj: process.oomScoreAdjustment,
  };
}

/** What a container is made for, without the init that may start it. */
export function commandOf({ process }: ContainerSpec): readonly string[] {
  return [...(process.entrypoint ?? []), ...(process.command ?? [])];
}

function consoleSizeOf(size: TerminalSize | undefined): Pick<RuntimeProcess, 'consoleSize'> {
  return size ? { consoleSize: { height: size.rows, width: size.columns } } : {};
}

function runtimeUser(user: ResolvedUser): RuntimeProcess['user'] {
  return { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids };
}

/** Unprivileged ports and pings are for everyone: the network is the container's own. */
const NETWORK_SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

function sysctls(input: SpecInput): Readonly<Record<string, string>> {
  const own = input.networkNamespacePath === undefined ? {} : NETWORK_SYSCTLS;
  const named = input.domainname !== '' && input.namespaces.uts === 'private';
  return {
    ...own,
    ...(named ? { 'kernel.domainname': input.domainname } : {}),
    ...input.spec.namespaces.sysctls,
  };
}

function namespacesOf(input: SpecInput): readonly RuntimeNamespace[] {
  const { pid, ipc, uts, cgroup } = input.namespaces;
  const network = input.networkNamespacePath;
  return [
    { type: 'mount' },
    ...(network === undefined ? [] : [{ type: 'network' as const, path: network }]),
    ...namespaceOf('uts', uts),
    ...namespaceOf('pid', pid),
    ...namespaceOf('ipc', ipc),
    ...namespaceOf('cgroup', cgroup),
  ];
}

function namespaceOf(type: NamespaceType, choice: NamespaceChoice): readonly RuntimeNamespace[] {
  if (choice === 'host') return [];
  return [choice === 'private' ? { type } : { type, path: choice.path }];
}

export interface ExecInput {
  readonly exec: Pick<
    ExecSpec,
    'command' | 'environment' | 'workingDirectory' | 'privileged' | 'terminal' | 'terminalSize'
  >;
  readonly spec: ContainerSpec;
  /** What `exec.user` resolves to, or the container's user where that is absent. */
  readonly user: ResolvedUser;
}

/** The `process.json` of an exec: the container's confinement, or all capabilities where it is privileged. */
export function buildExecProcess({ exec, spec, user }: ExecInput): RuntimeProcess {
  const { security } = spec;
  const capabilities = capabilitiesOf(exec.privileged ? { ...security, privileged: true } : security);
  return {
    ...(exec.terminal ? { terminal: true, ...consoleSizeOf(exec.terminalSize) } : {}),
    user: runtimeUser(user),
    args: exec.command,
    env: processEnvironment({
      hostname: spec.hostname ?? '',
      tty: exec.terminal,
      home: user.home,
      own: [...spec.process.environment, ...exec.environment],
    }),
    cwd: exec.workingDirectory ?? spec.process.workingDirectory ?? '/',
    ...confinement(spec, capabilities),
  };
}
