import type { ContainerConfig, HostConfig } from '#wire/container.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';
import { networkName } from '../definition/command-settings.ts';
import type { ExecVertex } from '../definition/vertex.ts';

/** BuildKit's. Commands that write down the name of their machine would give different layers if it changed. */
const SANDBOX_HOSTNAME = 'buildkitsandbox';

export interface CommandConfig {
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
}

/**
 * A step's command as a container.
 *
 * @param more variables that are in nothing else: secrets
 */
export function commandConfig(vertex: ExecVertex, more: readonly string[] = []): CommandConfig {
  const { argv, env, proxies, workingDirectory, user, hostname = SANDBOX_HOSTNAME } = vertex;
  const Config = {
    Image: 'build',
    Cmd: argv,
    Env: [...env, ...proxies, ...more],
    WorkingDir: workingDirectory,
    User: user,
    Hostname: hostname,
  };
  return decodeCreateRequest(JSON.stringify({ ...Config, HostConfig: hostFields(vertex) }));
}

function hostFields({ settings, readOnlyRoot, ulimits = settings.ulimits }: ExecVertex): object {
  const { limits, security } = settings;
  return {
    NetworkMode: networkName(settings.network),
    ExtraHosts: settings.extraHosts,
    ShmSize: settings.sharedMemoryBytes,
    Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    Memory: limits.memoryBytes,
    MemorySwap: limits.memorySwapBytes,
    CpuShares: limits.cpuShares,
    CpuPeriod: limits.cpuPeriodUs,
    CpuQuota: limits.cpuQuotaUs,
    CpusetCpus: limits.cpus,
    CpusetMems: limits.memoryNodes,
    CgroupParent: limits.cgroupParent,
    Privileged: security.privileged,
    ReadonlyRootfs: readOnlyRoot,
    MaskedPaths: security.maskedPaths,
    ReadonlyPaths: security.readOnlyPaths,
    SecurityOpt: [
      ...(security.noNewPrivileges ? ['no-new-privileges'] : []),
      ...(security.seccomp.kind === 'unconfined' ? ['seccomp=unconfined'] : []),
      ...(security.seccomp.kind === 'profile' ? [`seccomp=${security.seccomp.json}`] : []),
    ],
  };
}
