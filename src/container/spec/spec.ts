import type { CgroupLayout } from '#linux/cgroups.ts';
import type { NamespaceType, RuntimeNamespace, RuntimeProcess, RuntimeSpec } from '#oci/runtime-spec.ts';
import type { ContainerConfig, ExecRequest, HostConfig } from '#wire/container.ts';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from '#oci/protected-paths.ts';
import { resolveCapabilities } from './capabilities.ts';
import type { ResolvedMount } from '../mounts/mounts.ts';
import type { SeccompProfile } from './seccomp.ts';
import { parseSecurityOptions } from './security-options.ts';
import { hostDevices, requestedDevices } from './spec-devices.ts';
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
  /** Merged with the image's. */
  readonly config: ContainerConfig;
  /** Completed with defaults. */
  readonly hostConfig: HostConfig;
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
  readonly cgroupsPath: string;
  readonly cgroupLayout: Pick<CgroupLayout, 'mode'>;
  /** See `selectSeccomp`; undefined: unconfined. */
  readonly seccomp: SeccompProfile | undefined;
  /** The host's tini; runs as PID 1 where `HostConfig.Init` says so. */
  readonly initPath?: string;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
}

const INIT_DESTINATION = '/sbin/docker-init';

/**
 * Everything that the runtime must know to run a container, with Docker's confinement.
 *
 * @throws {EngineError} `invalid` for capabilities, security options, devices or limits that cannot be
 */
export function buildSpec(input: SpecInput): RuntimeSpec {
  const { hostConfig } = input;
  const capabilities = capabilitiesOf(hostConfig);
  const systemPaths = systemPathsOf(hostConfig);
  const devices = hostConfig.Privileged ? hostDevices() : requestedDevices(hostConfig.Devices ?? []);
  const rootfsPropagation = rootPropagation(input.mounts);
  const seccomp = input.seccomp?.compile(capabilities);
  return {
    ociVersion: '1.0.2',
    process: containerProcess(input, capabilities),
    root: { path: input.rootPath, ...(hostConfig.ReadonlyRootfs ? { readonly: true } : {}) },
    ...(input.namespaces.uts === 'private' ? { hostname: input.hostname } : {}),
    mounts: specMounts({ ...input, ...sharedMemory(input), initDestination: INIT_DESTINATION }),
    ...(hostConfig.Annotations ? { annotations: hostConfig.Annotations } : {}),
    linux: {
      sysctl: sysctls(input),
      resources: specResources(hostConfig, devices.rules, input.cgroupLayout.mode === 'v2' ? 2 : 1),
      cgroupsPath: input.cgroupsPath,
      namespaces: namespacesOf(input),
      ...(devices.nodes.length > 0 ? { devices: devices.nodes } : {}),
      ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }),
      ...systemPaths,
      ...(seccomp ? { seccomp } : {}),
    },
  };
}

/** With the host's IPC namespace comes the host's shared memory. */
function sharedMemory({ namespaces }: SpecInput): { readonly shmPath?: string } {
  return namespaces.ipc === 'host' ? { shmPath: '/dev/shm' } : {};
}

/** What the container's own processes may do. */
export function capabilitiesOf(hostConfig: HostConfig): readonly string[] {
  return resolveCapabilities({
    add: hostConfig.CapAdd ?? [],
    drop: hostConfig.CapDrop ?? [],
    privileged: hostConfig.Privileged,
  });
}

function systemPathsOf(hostConfig: HostConfig): Pick<RuntimeSpec['linux'], 'maskedPaths' | 'readonlyPaths'> {
  const { systemPathsUnconfined } = parseSecurityOptions(hostConfig.SecurityOpt);
  if (hostConfig.Privileged || systemPathsUnconfined) return {};
  return {
    maskedPaths: hostConfig.MaskedPaths ?? DEFAULT_MASKED_PATHS,
    readonlyPaths: hostConfig.ReadonlyPaths ?? DEFAULT_READONLY_PATHS,
  };
}

function containerProcess(input: SpecInput, capabilities: readonly string[]): RuntimeProcess {
  const { config, hostConfig, user } = input;
  const args = commandOf(config);
  const rlimits = processRlimits(hostConfig.Ulimits ?? []);
  return {
    ...(config.Tty ? { terminal: true, ...consoleSizeOf(input) } : {}),
    user: runtimeUser(user),
    args: hostConfig.Init && input.initPath !== undefined ? [INIT_DESTINATION, '--', ...args] : args,
    env: processEnvironment({
      hostname: config.Hostname || input.hostname,
      tty: config.Tty,
      home: user.home,
      own: config.Env ?? [],
    }),
    cwd: config.WorkingDir || '/',
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    ...(rlimits.length > 0 ? { rlimits } : {}),
    noNewPrivileges: parseSecurityOptions(hostConfig.SecurityOpt).noNewPrivileges,
    oomScoreAdj: hostConfig.OomScoreAdj,
  };
}

/** What a container is made for, without the init that may start it. */
export function commandOf({ Entrypoint, Cmd }: ContainerConfig): readonly string[] {
  return [...(Entrypoint ?? []), ...(Cmd ?? [])];
}

function consoleSizeOf({ consoleSize }: SpecInput): Pick<RuntimeProcess, 'consoleSize'> {
  if (!consoleSize || consoleSize.rows === 0 || consoleSize.columns === 0) return {};
  return { consoleSize: { height: consoleSize.rows, width: consoleSize.columns } };
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
    ...input.hostConfig.Sysctls,
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
  readonly request: ExecRequest;
  /** Of the container it runs in. */
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly hostname: string;
  /** Of `request.User`, or where that is empty, of `config.User`. */
  readonly user: ResolvedUser;
}

/** The `process.json` of an exec: the container's confinement, or all capabilities with `Privileged`. */
export function buildExecProcess(input: ExecInput): RuntimeProcess {
  const { request, config, hostConfig, user } = input;
  const capabilities = capabilitiesOf(request.Privileged ? { ...hostConfig, Privileged: true } : hostConfig);
  const rlimits = processRlimits(hostConfig.Ulimits ?? []);
  const [rows = 0, columns = 0] = request.ConsoleSize ?? [];
  const size = rows > 0 && columns > 0 ? { consoleSize: { height: rows, width: columns } } : {};
  return {
    ...(request.Tty ? { terminal: true, ...size } : {}),
    user: runtimeUser(user),
    args: request.Cmd,
    env: processEnvironment({
      hostname: config.Hostname || input.hostname,
      tty: request.Tty,
      home: user.home,
      own: [...(config.Env ?? []), ...(request.Env ?? [])],
    }),
    cwd: request.WorkingDir || config.WorkingDir || '/',
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    ...(rlimits.length > 0 ? { rlimits } : {}),
    noNewPrivileges: parseSecurityOptions(hostConfig.SecurityOpt).noNewPrivileges,
    oomScoreAdj: hostConfig.OomScoreAdj,
  };
}
