import { availableParallelism } from 'node:os';
import { EngineError } from '#base/errors.ts';
import { DEFAULT_SHM_SIZE_BYTES } from '#wire/decode-create.ts';
import type { ContainerConfig, HostConfig, LogConfig } from '#wire/container.ts';
import { resolveCapabilities } from '../spec/capabilities.ts';
import type { ContainerContext } from '../context.ts';
import { parseSecurityOptions } from '../spec/security-options.ts';

type HostContext = Pick<ContainerContext, 'defaults' | 'runtime' | 'cgroupLayout' | 'logs' | 'lookup'>;

const MAXIMUM_HOSTNAME_BYTES = 64;
const RUNTIME_NAMES: ReadonlySet<string> = new Set(['', 'crun', 'runc', 'io.containerd.runc.v2']);

/**
 * Completes a configuration that is consistent in itself with what depends on this host, and checks it against the
 * host.
 *
 * @throws {EngineError} `invalid` with Docker's texts
 */
export function fitToHost(
  config: ContainerConfig,
  hostConfig: HostConfig,
  context: HostContext,
): { readonly hostConfig: HostConfig; readonly warnings: readonly string[] } {
  checkHostname(config, hostConfig);
  checkNetworkMode(config, hostConfig);
  checkProcessors(hostConfig);
  checkNumberSet(hostConfig.CpusetCpus, 'cpus');
  checkNumberSet(hostConfig.CpusetMems, 'mems');
  checkCapabilities(hostConfig);
  checkRuntime(hostConfig);
  const { warnings, systemPathsUnconfined } = parseSecurityOptions(hostConfig.SecurityOpt);
  const { defaults, cgroupLayout, runtime } = context;
  const cgroupNamespace = cgroupLayout.mode === 'v2' ? 'private' : 'host';
  return {
    warnings: [...warnings, ...publishWarnings(hostConfig)],
    hostConfig: {
      ...hostConfig,
      ...joinedModes(hostConfig, context),
      CgroupnsMode: hostConfig.CgroupnsMode || cgroupNamespace,
      LogConfig: completeLogConfig(hostConfig.LogConfig, context),
      Runtime: hostConfig.Runtime || runtime.name,
      ShmSize: hostConfig.ShmSize === DEFAULT_SHM_SIZE_BYTES ? defaults.shmSizeBytes : hostConfig.ShmSize,
      ...(systemPathsUnconfined && { MaskedPaths: [], ReadonlyPaths: [] }),
    },
  };
}

function checkHostname({ Hostname }: ContainerConfig, { UTSMode }: HostConfig): void {
  if (Buffer.byteLength(Hostname) > MAXIMUM_HOSTNAME_BYTES) {
    throw invalid(
      `hostname ${JSON.stringify(Hostname)} is too long (maximum ${MAXIMUM_HOSTNAME_BYTES} bytes)`,
    );
  }
  if (UTSMode === 'host' && Hostname !== '') throw conflicting('hostname and the UTS mode');
}

/** What makes no sense in another container's network. */
function checkNetworkMode(config: ContainerConfig, hostConfig: HostConfig): void {
  if (!hostConfig.NetworkMode.startsWith('container:')) return;
  if (config.Hostname !== '') throw conflicting('hostname and the network mode');
  if (has(hostConfig.Links)) throw conflicting("container type network can't be used with links");
  if (has(hostConfig.Dns)) throw conflicting('dns and the network mode');
  if (has(hostConfig.ExtraHosts)) throw conflicting('custom host-to-IP mapping and the network mode');
  if (config.MacAddress) throw conflicting('mac-address and the network mode');
  if (has(hostConfig.PortBindings) || hostConfig.PublishAllPorts) {
    throw conflicting('port publishing and the container type network mode');
  }
  if (has(config.ExposedPorts)) throw conflicting('port exposing and the container type network mode');
}

function has(set: object | null | undefined): boolean {
  return Object.keys(set ?? {}).length > 0;
}

function checkProcessors({ NanoCpus, CpuPeriod, CpuQuota }: HostConfig): void {
  if (NanoCpus === 0) return;
  if (CpuPeriod > 0) throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (CpuQuota > 0) throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  const available = availableParallelism();
  if (NanoCpus > 0 && NanoCpus <= available * 1e9) return;
  throw invalid(
    `range of CPUs is from 0.01 to ${available}.00, as there are only ${available} CPUs available`,
  );
}

/** `0-3,5` as in cpuset(7). */
function checkNumberSet(set: string, what: 'cpus' | 'mems'): void {
  if (set === '') return;
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(set)) throw invalid(`Invalid value ${set} for cpuset ${what}`);
}

function checkCapabilities({ CapAdd, CapDrop, Privileged }: HostConfig): void {
  resolveCapabilities({ add: CapAdd ?? [], drop: CapDrop ?? [], privileged: Privileged });
}

function checkRuntime({ Runtime = '' }: HostConfig): void {
  if (!RUNTIME_NAMES.has(Runtime)) throw invalid(`unknown or invalid runtime name: ${Runtime}`);
}

function publishWarnings({ NetworkMode, PortBindings }: HostConfig): readonly string[] {
  const isDiscarded = NetworkMode === 'host' && Object.keys(PortBindings ?? {}).length > 0;
  return isDiscarded ? ['Published ports are discarded when using host network mode'] : [];
}

/** Modes that name another container name it by its id from now on; one that is not there is missed at the start. */
function joinedModes(
  { NetworkMode, PidMode, IpcMode }: HostConfig,
  { lookup }: HostContext,
): Pick<HostConfig, 'NetworkMode' | 'PidMode' | 'IpcMode'> {
  const byId = (mode: string) => {
    const reference = joinedContainer(mode);
    const id = reference === undefined ? undefined : lookup.find(reference)?.id;
    return id === undefined ? mode : `container:${id}`;
  };
  return { NetworkMode: byId(NetworkMode), PidMode: byId(PidMode), IpcMode: byId(IpcMode) };
}

/** The container whose namespace a mode asks for. */
export function joinedContainer(mode: string): string | undefined {
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

function completeLogConfig(asked: LogConfig, { defaults, logs }: HostContext): LogConfig {
  const type = asked.Type || defaults.logDriver;
  const isDefault = type === defaults.logDriver;
  const options = { ...(isDefault && defaults.logOptions), ...asked.Config };
  const driver = logs.get(type);
  if (!driver) throw invalid(`logger: no log driver named '${type}' is registered`);
  driver.validate(options);
  return { Type: type, Config: options };
}

function conflicting(what: string): EngineError {
  return invalid(`conflicting options: ${what}`);
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}
