import type { TerminalSize } from '#client/containers.ts';
import type { AskedRestartPolicy, CreateBody } from '#wire/container.ts';
import type { DeviceMapping, DeviceRequest, Ulimit } from '#wire/resources.ts';
import type { ContainerFlags } from './container-flags.ts';
import { healthcheck } from './health.ts';
import { readEnvironment, readLabels, toMap } from './key-values.ts';
import { networkingConfig, networkModeOf } from './networking.ts';
import { readPorts } from './ports.ts';
import { isCdiDevice, parseDevice } from './resources.ts';
import { readSecurityOptions } from './security.ts';
import { readVolumes } from './volumes.ts';
import { UsageError } from '../usage-error.ts';

export interface CreateLine {
  readonly flags: ContainerFlags;
  readonly given: ReadonlySet<string>;
  readonly image: string;
  readonly command: readonly string[];
}

export interface CreateSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The terminal that the container's is made like; undefined without one. */
  readonly consoleSize: TerminalSize | undefined;
  /** `-d`: nothing is attached. */
  readonly detach: boolean;
  /** The variables of proxies that are added to the given ones. */
  readonly proxyVariables: (given: readonly string[]) => readonly string[];
}

/**
 * What a line of `run` or `create` asks for, as the body of `POST /containers/create`: the same that Docker's client
 * sends for the same line.
 *
 * @throws {UsageError} where the flags contradict each other or a value cannot be meant
 */
export function createBody(line: CreateLine, surroundings: CreateSurroundings): CreateBody {
  const { flags } = line;
  checkConflicts(line);
  const ports = readPorts(flags.publish, flags.expose);
  const volumes = readVolumes(flags.volume);
  return {
    ...containerConfig(line, surroundings),
    ...(Object.keys(ports.exposed).length > 0 ? { ExposedPorts: ports.exposed } : {}),
    Volumes: volumes.anonymous,
    HostConfig: { ...hostConfig(line, surroundings), Binds: volumes.binds, PortBindings: ports.bindings },
    NetworkingConfig: { EndpointsConfig: networkingConfig(flags) },
  };
}

/** The streams that are attached: those of `--attach`, else all that there are. */
export function attachedStreams(
  flags: ContainerFlags,
  detach: boolean,
): { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean } {
  if (detach) return { stdin: false, stdout: false, stderr: false };
  if (flags.attach.length === 0) return { stdin: flags.interactive, stdout: true, stderr: true };
  const has = (stream: string): boolean => flags.attach.includes(stream);
  return { stdin: has('stdin'), stdout: has('stdout'), stderr: has('stderr') };
}

function checkConflicts({ flags }: CreateLine): void {
  const swappiness = flags.memorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    throw new UsageError(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  if (flags.rm && flags.restart !== 'no' && flags.restart !== '') {
    throw new UsageError('Conflicting options: --restart and --rm');
  }
  const modes: readonly (readonly [flag: string, value: string, rule: RegExp])[] = [
    ['pid', flags.pid, /^(host|container:.+)?$/],
    ['uts', flags.uts, /^(host)?$/],
    ['userns', flags.userns, /^(host)?$/],
    ['cgroupns', flags.cgroupns, /^(host|private)?$/],
  ];
  for (const [flag, value, rule] of modes) {
    if (!rule.test(value)) throw new UsageError(`--${flag}: invalid ${flag.toUpperCase()} mode`);
  }
}

function containerConfig(
  { flags, given, image, command }: CreateLine,
  { environment, detach, proxyVariables }: CreateSurroundings,
): CreateBody {
  const attached = attachedStreams(flags, detach);
  const variables = readEnvironment(flags.envFile, flags.env, environment);
  const env = [...variables, ...proxyVariables(variables)];
  const entrypoint = given.has('entrypoint') ? [flags.entrypoint] : null;
  const health = healthcheck(flags);
  return {
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    AttachStdin: attached.stdin,
    AttachStdout: attached.stdout,
    AttachStderr: attached.stderr,
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && attached.stdin,
    Env: env.length > 0 ? env : null,
    Cmd: command.length > 0 ? command : null,
    ...(health ? { Healthcheck: health } : {}),
    Image: image,
    WorkingDir: flags.workdir,
    Entrypoint: entrypoint,
    OnBuild: null,
    Labels: readLabels(flags.labelFile, flags.label),
    ...(flags.stopSignal === '' ? {} : { StopSignal: flags.stopSignal }),
    ...(flags.stopTimeout === undefined ? {} : { StopTimeout: flags.stopTimeout }),
  };
}

type HostFields = NonNullable<CreateBody['HostConfig']>;

function hostConfig({ flags, given }: CreateLine, { consoleSize }: CreateSurroundings): HostFields {
  const security = readSecurityOptions(flags.securityOpt);
  return {
    ContainerIDFile: flags.cidfile,
    LogConfig: { Type: flags.logDriver, Config: logOptions(flags) },
    NetworkMode: networkModeOf(flags),
    RestartPolicy: restartPolicy(flags.restart),
    AutoRemove: flags.rm,
    VolumeDriver: flags.volumeDriver,
    VolumesFrom: listOrNull(flags.volumesFrom),
    ConsoleSize: consoleSize ? [consoleSize.rows, consoleSize.columns] : [0, 0],
    ...(Object.keys(flags.annotation).length > 0 ? { Annotations: flags.annotation } : {}),
    CapAdd: listOrNull(flags.capAdd),
    CapDrop: listOrNull(flags.capDrop),
    CgroupnsMode: flags.cgroupns,
    Dns: flags.dns,
    DnsOptions: flags.dnsOption,
    DnsSearch: flags.dnsSearch,
    ExtraHosts: listOrNull(flags.addHost.map(extraHost)),
    GroupAdd: listOrNull(flags.groupAdd),
    IpcMode: flags.ipc,
    Cgroup: '',
    Links: listOrNull(flags.link),
    OomScoreAdj: flags.oomScoreAdj ?? 0,
    PidMode: flags.pid,
    Privileged: flags.privileged,
    PublishAllPorts: flags.publishAll,
    ReadonlyRootfs: flags.readOnly,
    SecurityOpt: security.options,
    ...(flags.storageOpt.length > 0 ? { StorageOpt: toMap(flags.storageOpt) } : {}),
    ...(flags.tmpfs.length > 0 ? { Tmpfs: tmpfsMap(flags.tmpfs) } : {}),
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    ShmSize: flags.shmSize ?? 0,
    ...(Object.keys(flags.sysctl).length > 0 ? { Sysctls: flags.sysctl } : {}),
    ...(flags.runtime === '' ? {} : { Runtime: flags.runtime }),
    Isolation: flags.isolation,
    ...resources(flags),
    ...(flags.mount.length > 0 ? { Mounts: flags.mount } : {}),
    MaskedPaths: security.maskedPaths,
    ReadonlyPaths: security.readonlyPaths,
    ...(given.has('init') ? { Init: flags.init } : {}),
  };
}

function resources(flags: ContainerFlags): HostFields {
  const cdi = flags.device.filter(isCdiDevice);
  const requests = [...flags.gpus, ...(cdi.length > 0 ? [cdiRequest(cdi)] : [])];
  return {
    CpuShares: flags.cpuShares ?? 0,
    Memory: flags.memory ?? 0,
    NanoCpus: flags.cpus ?? 0,
    CgroupParent: flags.cgroupParent,
    BlkioWeight: flags.blkioWeight ?? 0,
    BlkioWeightDevice: flags.blkioWeightDevice,
    BlkioDeviceReadBps: flags.deviceReadBps,
    BlkioDeviceWriteBps: flags.deviceWriteBps,
    BlkioDeviceReadIOps: flags.deviceReadIops,
    BlkioDeviceWriteIOps: flags.deviceWriteIops,
    CpuPeriod: flags.cpuPeriod ?? 0,
    CpuQuota: flags.cpuQuota ?? 0,
    CpuRealtimePeriod: flags.cpuRtPeriod ?? 0,
    CpuRealtimeRuntime: flags.cpuRtRuntime ?? 0,
    CpusetCpus: flags.cpusetCpus,
    CpusetMems: flags.cpusetMems,
    Devices: flags.device.filter((device) => !isCdiDevice(device)).map(deviceMapping),
    DeviceCgroupRules: listOrNull(flags.deviceCgroupRule),
    DeviceRequests: listOrNull(requests),
    MemoryReservation: flags.memoryReservation ?? 0,
    MemorySwap: flags.memorySwap ?? 0,
    MemorySwappiness: flags.memorySwappiness ?? -1,
    OomKillDisable: flags.oomKillDisable,
    PidsLimit: flags.pidsLimit ?? 0,
    Ulimits: sortedUlimits(flags),
    CpuCount: flags.cpuCount ?? 0,
    CpuPercent: flags.cpuPercent ?? 0,
    IOMaximumIOps: flags.ioMaxiops ?? 0,
    IOMaximumBandwidth: flags.ioMaxbandwidth ?? 0,
  };
}

function cdiRequest(ids: readonly string[]): DeviceRequest {
  return { Driver: 'cdi', Count: 0, DeviceIDs: ids, Capabilities: null, Options: null };
}

function deviceMapping(text: string): DeviceMapping {
  try {
    const device = parseDevice(text);
    const path = device.PathInContainer ?? '';
    if (!path.startsWith('/')) throw new Error(`${path} is not an absolute path`);
    return device;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function listOrNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length > 0 ? list : null;
}

function logOptions(flags: ContainerFlags): Readonly<Record<string, string>> {
  if (flags.logDriver === 'none' && flags.logOpt.length > 0) {
    throw new UsageError('invalid logging opts for driver none');
  }
  return toMap(flags.logOpt);
}

function restartPolicy(text: string): AskedRestartPolicy {
  const [name = '', count, ...rest] = text.split(':');
  if (count !== undefined && (rest.length > 0 || !/^\d+$/.test(count))) {
    throw new UsageError('invalid restart policy format: maximum retry count must be an integer');
  }
  if (text !== '' && name === '')
    throw new UsageError('invalid restart policy format: no policy provided before colon');
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
}

function extraHost(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  if (!match) throw new UsageError(`bad format for add-host: ${JSON.stringify(text)}`);
  const [, name = '', address = ''] = match;
  return `${name}:${address.replace(/^\[(.*)\]$/, '$1')}`;
}

function tmpfsMap(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const colon = text.indexOf(':');
      return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
    }),
  );
}

/** The last of equal names counts. */
function sortedUlimits({ ulimit }: ContainerFlags): readonly Ulimit[] {
  const byName = new Map(ulimit.map((limit) => [limit.Name, limit]));
  return [...byName.values()].toSorted((one, other) => (one.Name < other.Name ? -1 : 1));
}
