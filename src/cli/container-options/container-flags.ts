import { defaultPlatformFlag } from '../platform-flag.ts';
import {
  booleanFlag,
  integerFlag,
  listFlag,
  mapFlag,
  stringFlag,
  valuesFlag,
  type FlagValues,
} from '../flag.ts';
import { durationFlag, memoryFlag, cpusFlag } from './value-flags.ts';
import { parseGpuRequest } from './gpus.ts';
import { readMount } from './mounts.ts';
import { parseNetwork } from './networks.ts';
import { checkEnvironment, checkLabel, checkSysctl } from './key-values.ts';
import { parseThrottle, parseUlimit, parseWeightDevice } from './resources.ts';

/** What `run` and `create` share: everything that a container can be told at its birth. */
export const containerFlags = {
  addHost: listFlag('Add a custom host-to-IP mapping (host:ip)'),
  annotation: mapFlag('Add an annotation to the container (passed through to the OCI runtime)'),
  attach: listFlag('Attach to STDIN, STDOUT or STDERR', { short: 'a', check: checkStream }),
  blkioWeight: integerFlag('Block IO (relative weight), between 10 and 1000, or 0 to disable', {
    type: 'uint16',
    initial: 0,
  }),
  blkioWeightDevice: valuesFlag('Block IO weight (relative device weight)', parseWeightDevice),
  capAdd: listFlag('Add Linux capabilities'),
  capDrop: listFlag('Drop Linux capabilities'),
  cgroupParent: stringFlag('Optional parent cgroup for the container'),
  cgroupns: stringFlag('Cgroup namespace to use (host|private)'),
  cidfile: stringFlag('Write the container ID to the file'),
  cpuCount: integerFlag('CPU count (Windows only)', { hidden: true }),
  cpuPercent: integerFlag('CPU percent (Windows only)', { hidden: true }),
  cpuPeriod: integerFlag('Limit CPU CFS (Completely Fair Scheduler) period'),
  cpuQuota: integerFlag('Limit CPU CFS (Completely Fair Scheduler) quota'),
  cpuRtPeriod: integerFlag('Limit CPU real-time period in microseconds'),
  cpuRtRuntime: integerFlag('Limit CPU real-time runtime in microseconds'),
  cpuShares: integerFlag('CPU shares (relative weight)', { short: 'c' }),
  cpus: cpusFlag('Number of CPUs'),
  cpusetCpus: stringFlag('CPUs in which to allow execution (0-3, 0,1)'),
  cpusetMems: stringFlag('MEMs in which to allow execution (0-3, 0,1)'),
  device: listFlag('Add a host device to the container'),
  deviceCgroupRule: listFlag('Add a rule to the cgroup allowed devices list', { check: checkDeviceRule }),
  deviceReadBps: valuesFlag('Limit read rate (bytes per second) from a device', parseThrottle('bytes')),
  deviceReadIops: valuesFlag('Limit read rate (IO per second) from a device', parseThrottle('operations')),
  deviceWriteBps: valuesFlag('Limit write rate (bytes per second) to a device', parseThrottle('bytes')),
  deviceWriteIops: valuesFlag('Limit write rate (IO per second) to a device', parseThrottle('operations')),
  disableContentTrust: booleanFlag('Skip image verification', { initial: true }),
  dns: listFlag('Set custom DNS servers'),
  dnsOption: listFlag('Set DNS options', { aliases: ['dns-opt'] }),
  dnsSearch: listFlag('Set custom DNS search domains'),
  domainname: stringFlag('Container NIS domain name'),
  entrypoint: stringFlag('Overwrite the default ENTRYPOINT of the image'),
  env: listFlag('Set environment variables', { short: 'e', check: checkEnvironment }),
  envFile: listFlag('Read in a file of environment variables'),
  expose: listFlag('Expose a port or a range of ports'),
  gpus: valuesFlag("GPU devices to add to the container ('all' to pass all GPUs)", parseGpuRequest, {
    type: 'gpu-request',
  }),
  groupAdd: listFlag('Add additional groups to join'),
  healthCmd: stringFlag('Command to run to check health'),
  healthInterval: durationFlag('Time between running the check (ms|s|m|h)'),
  healthRetries: integerFlag('Consecutive failures needed to report unhealthy'),
  healthStartInterval: durationFlag('Time between running the check during the start period (ms|s|m|h)'),
  healthStartPeriod: durationFlag(
    'Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)',
  ),
  healthTimeout: durationFlag('Maximum time to allow one check to run (ms|s|m|h)'),
  hostname: stringFlag('Container host name', { short: 'h' }),
  init: booleanFlag('Run an init inside the container that forwards signals and reaps processes'),
  interactive: booleanFlag('Keep STDIN open even if not attached', { short: 'i' }),
  ioMaxbandwidth: memoryFlag('Maximum IO bandwidth limit for the system drive (Windows only)', {
    hidden: true,
  }),
  ioMaxiops: integerFlag('Maximum IOps limit for the system drive (Windows only)', { hidden: true }),
  ip: stringFlag('IPv4 address (e.g., 172.30.100.104)'),
  ip6: stringFlag('IPv6 address (e.g., 2001:db8::33)'),
  ipc: stringFlag('IPC mode to use'),
  isolation: stringFlag('Container isolation technology'),
  kernelMemory: memoryFlag('Kernel memory limit', { hidden: true }),
  label: listFlag('Set meta data on a container', { short: 'l', check: checkLabel }),
  labelFile: listFlag('Read in a line delimited file of labels'),
  link: listFlag('Add link to another container'),
  linkLocalIp: listFlag('Container IPv4/IPv6 link-local addresses'),
  logDriver: stringFlag('Logging driver for the container'),
  logOpt: listFlag('Log driver options'),
  macAddress: stringFlag('Container MAC address (e.g., 92:d0:c6:0a:29:33)'),
  memory: memoryFlag('Memory limit', { short: 'm' }),
  memoryReservation: memoryFlag('Memory soft limit'),
  memorySwap: memoryFlag("Swap limit equal to memory plus swap: '-1' to enable unlimited swap", {
    unlimited: true,
  }),
  memorySwappiness: integerFlag('Tune container memory swappiness (0 to 100)', { initial: -1 }),
  mount: valuesFlag('Attach a filesystem mount to the container', readMount, { type: 'mount' }),
  name: stringFlag('Assign a name to the container'),
  network: valuesFlag('Connect a container to a network', parseNetwork, {
    type: 'network',
    aliases: ['net'],
  }),
  networkAlias: listFlag('Add network-scoped alias for the container', { aliases: ['net-alias'] }),
  noHealthcheck: booleanFlag('Disable any container-specified HEALTHCHECK'),
  oomKillDisable: booleanFlag('Disable OOM Killer'),
  oomScoreAdj: integerFlag("Tune host's OOM preferences (-1000 to 1000)"),
  pid: stringFlag('PID namespace to use'),
  pidsLimit: integerFlag('Tune container pids limit (set -1 for unlimited)'),
  platform: defaultPlatformFlag,
  privileged: booleanFlag('Give extended privileges to this container'),
  publish: listFlag("Publish a container's port(s) to the host", { short: 'p' }),
  publishAll: booleanFlag('Publish all exposed ports to random ports', { short: 'P' }),
  pull: stringFlag('Pull image before running ("always", "missing", "never")', { initial: 'missing' }),
  quiet: booleanFlag('Suppress the pull output', { short: 'q' }),
  readOnly: booleanFlag("Mount the container's root filesystem as read only"),
  restart: stringFlag('Restart policy to apply when a container exits', { initial: 'no' }),
  rm: booleanFlag('Automatically remove the container when it exits'),
  runtime: stringFlag('Runtime to use for this container'),
  securityOpt: listFlag('Security Options'),
  shmSize: memoryFlag('Size of /dev/shm'),
  stopSignal: stringFlag('Signal to stop the container'),
  stopTimeout: integerFlag('Timeout (in seconds) to stop a container'),
  storageOpt: listFlag('Storage driver options for the container'),
  sysctl: mapFlag('Sysctl options', { check: checkSysctl }),
  tmpfs: listFlag('Mount a tmpfs directory'),
  tty: booleanFlag('Allocate a pseudo-TTY', { short: 't' }),
  ulimit: valuesFlag('Ulimit options', parseUlimit, { type: 'ulimit' }),
  user: stringFlag('Username or UID (format: <name|uid>[:<group|gid>])', { short: 'u' }),
  userns: stringFlag('User namespace to use'),
  uts: stringFlag('UTS namespace to use'),
  volume: listFlag('Bind mount a volume', { short: 'v' }),
  volumeDriver: stringFlag('Optional volume driver for the container'),
  volumesFrom: listFlag('Mount volumes from the specified container(s)'),
  workdir: stringFlag('Working directory inside the container', { short: 'w' }),
} as const;

export type ContainerFlags = FlagValues<typeof containerFlags>;

function checkStream(text: string): string {
  const stream = text.toLowerCase();
  if (['stdin', 'stdout', 'stderr'].includes(stream)) return stream;
  throw new Error('valid streams are STDIN, STDOUT and STDERR');
}

function checkDeviceRule(text: string): string {
  if (/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw new Error(`invalid device cgroup format '${text}'`);
}
