/** Values that cannot be: refused when a container is created, in Docker's words where it has some. */
import { type Body, type OptionRow, type OptionRows, refused, warned } from './option-row.ts';

const host = (HostConfig: Body, message: RegExp): OptionRow => refused({ HostConfig }, message);
const tmpfs = (SizeBytes: number): Body => ({
  Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes } }],
});
const log = (Config: Body): Body => ({ LogConfig: { Type: 'json-file', Config } });

const signal = (StopSignal: string) => refused({ StopSignal }, new RegExp(`^invalid signal: ${StopSignal}$`));
const SWAPPINESS = /^Invalid value: (101|-2), valid memory swappiness range is 0-100$/;
const IN_PROC = /^invalid mount destination: "\/proc.*" cannot be mounted because it is inside \/proc$/;
const MAC = /^invalid config for network bridge: invalid MAC address zz$/;

export const WRONG_ROWS: OptionRows = {
  'StopSignal (unknown)': signal('SIGFOO'),
  'StopSignal (zero)': signal('0'),
  'StopSignal (percent)': signal('%'),
  'HostConfig.MemorySwappiness (high)': host({ MemorySwappiness: 101 }, SWAPPINESS),
  'HostConfig.MemorySwappiness (low)': host({ MemorySwappiness: -2 }, SWAPPINESS),
  'HostConfig.CpuShares (negative)': host({ CpuShares: -1 }, /^the minimum allowed cpu-shares is 2$/),
  'HostConfig.CpuShares (one)': host({ CpuShares: 1 }, /^the minimum allowed cpu-shares is 2$/),
  'HostConfig.CpuShares (high)': host({ CpuShares: 262_145 }, /^the maximum allowed cpu-shares is 262144$/),
  'HostConfig.Mounts.TmpfsOptions.SizeBytes (negative)': host(tmpfs(-1), /size cannot be negative: -1$/),
  'HostConfig.Tmpfs (size)': host({ Tmpfs: { '/t': 'size=abc' } }, /^invalid tmpfs option "size=abc"$/),
  'HostConfig.Memory (low)': host({ Memory: 6 * 2 ** 20 - 1 }, /^Minimum memory limit allowed is 6MB$/),
  'HostConfig.LogConfig.Type (unknown)': host(
    { LogConfig: { Type: 'nope' } },
    /^logger: no log driver named 'nope' is registered; there are local, json-file, none$/,
  ),
  'HostConfig.LogConfig.Config (buffer)': host(
    log({ 'max-buffer-size': '1m' }),
    /^logger: max-buffer-size option is only supported with 'mode=non-blocking'$/,
  ),
  'HostConfig.LogConfig.Config (size of buffer)': host(
    log({ mode: 'non-blocking', 'max-buffer-size': 'zz' }),
    /^error parsing option max-buffer-size: invalid size: 'zz'$/,
  ),
  'HostConfig.Binds (proc)': host({ Binds: ['/tmp:/proc'] }, IN_PROC),
  'HostConfig.Binds (below proc)': host({ Binds: ['/tmp:/proc/sys'] }, IN_PROC),
  'HostConfig.Tmpfs (proc)': host({ Tmpfs: { '/proc/1': '' } }, IN_PROC),
  'HostConfig.CpusetCpus (absent)': host(
    { CpusetCpus: '999' },
    /^Requested CPUs are not available - requested 999, available: [0-9,-]+$/,
  ),
  'HostConfig.CpusetCpus (malformed)': host(
    { CpusetCpus: '1-0' },
    /^Invalid value 1-0 for cpuset cpus: invalid format: 1-0$/,
  ),
  'HostConfig.CpusetMems (absent)': host(
    { CpusetMems: '99' },
    /^Requested memory nodes are not available - requested 99, available: [0-9,-]+$/,
  ),
  'MacAddress (malformed)': refused({ MacAddress: 'zz' }, MAC),
  'MacAddress (of two)': refused(
    {
      MacAddress: '02:42:ac:11:00:33',
      HostConfig: { NetworkMode: 'bridge' },
      NetworkingConfig: { EndpointsConfig: { bridge: { MacAddress: '02:42:ac:11:00:34' } } },
    },
    /^the container-wide MAC address must match the endpoint-specific MAC address/,
  ),
  'MacAddress (deprecated)': warned(
    { MacAddress: '02:42:ac:11:00:33' },
    /^The container-wide MacAddress field is now deprecated\./,
  ),
  'ExposedPorts (no port)': warned(
    { ExposedPorts: { 'http/tcp': {} } },
    /^Exposed port "http\/tcp" has no effect: it is not a port\.$/,
  ),
  'HostConfig.OomKillDisable (without limit)': warned(
    { HostConfig: { OomKillDisable: true } },
    /^OOM killer is disabled for the container, but no memory limit is set|OomKillDisable discarded\.$/,
  ),
  'HostConfig.NanoCpus (high)': host(
    { NanoCpus: 1e15 },
    /^Range of CPUs is from 0\.01 to \d+\.00, as there are only/,
  ),
  'HostConfig.NanoCpus (negative)': host(
    { NanoCpus: -1 },
    /^Range of CPUs is from 0\.01 to \d+\.00, as there are only/,
  ),
  'HostConfig.Ulimits.Name (unknown)': host(
    { Ulimits: [{ Name: 'nope', Soft: 1, Hard: 1 }] },
    /^invalid ulimit type: nope$/,
  ),
  'HostConfig.Ulimits.Soft (above hard)': host(
    { Ulimits: [{ Name: 'nofile', Soft: 2, Hard: 1 }] },
    /^ulimit soft limit must be less than or equal to hard limit: 2 > 1$/,
  ),
  'HostConfig.Ulimits.Soft (crun)': host(
    { Ulimits: [{ Name: 'nofile', Soft: 20, Hard: 20 }], Runtime: 'crun' },
    /^Cannot create container: crun cannot limit open files to fewer than 64; runc can, if it is installed$/,
  ),
  'HostConfig.Sysctls (of the machine)': host(
    { Sysctls: { 'kernel.panic': '1' } },
    /^sysctl "kernel\.panic" is not in a separate kernel namespace$/,
  ),
  'HostConfig.Sysctls (of the host)': host(
    { Sysctls: { 'net.ipv4.ip_forward': '1' }, NetworkMode: 'host' },
    /^sysctl "net\.ipv4\.ip_forward" not allowed in host network namespace$/,
  ),
  'HostConfig.SecurityOpt (malformed profile)': host(
    { SecurityOpt: ['seccomp={'] },
    /^Decoding seccomp profile failed: /,
  ),
  'HostConfig.RestartPolicy.Name (removed on exit)': host(
    { RestartPolicy: { Name: 'always' }, AutoRemove: true },
    /^can't create 'AutoRemove' container with restart policy$/,
  ),
  'HostConfig.BlkioDeviceReadBps.Rate (negative)': host(
    { BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: -1 }] },
    /cannot unmarshal number -1 into Go struct field .*Rate of type uint64$/,
  ),
};
