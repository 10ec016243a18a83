/** What a cgroup has used, in the kernel's own counting. Times are nanoseconds. */
export interface CgroupStats {
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly pids: { readonly current: number; readonly limit?: number };
  readonly blockIo: { readonly bytes: readonly BlockIoEntry[]; readonly operations: readonly BlockIoEntry[] };
}

interface CpuStats {
  readonly totalNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  /** Only version 1 counts it. */
  readonly perCpuNs?: readonly number[];
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
}

interface MemoryStats {
  /** Page cache included. */
  readonly usageBytes: number;
  readonly maxUsageBytes?: number;
  /** Undefined without a limit. */
  readonly limitBytes?: number;
  /** How often the limit was hit. */
  readonly failures: number;
  /** memory.stat as it is: its keys differ between version 1 and 2. */
  readonly stat: Readonly<Record<string, number>>;
}

/** One device and one kind of access, in the kernel's words (`Read` in version 1, `read` in 2). */
export interface BlockIoEntry {
  readonly major: number;
  readonly minor: number;
  readonly operation: string;
  readonly value: number;
}

/** Reads a file of one controller; empty if it does not exist. */
export type CgroupReader = (controller: string, file: string) => string;

/** Version 1 counts user and system time in clock ticks: USER_HZ, 100 on every architecture we run on (time(7)). */
const NANOSECONDS_PER_TICK = 10_000_000;
/** Version 1 says "no limit" with the largest multiple of the page size. */
const UNLIMITED = 2 ** 62;

/** Version 1: Documentation/admin-guide/cgroup-v1 of the kernel. */
export function readStatsV1(read: CgroupReader): CgroupStats {
  return {
    cpu: cpuV1(read),
    memory: memoryV1(read),
    pids: pidsOf(read),
    blockIo: {
      bytes: parseBlockIoV1(read('blkio', 'blkio.throttle.io_service_bytes_recursive')),
      operations: parseBlockIoV1(read('blkio', 'blkio.throttle.io_serviced_recursive')),
    },
  };
}

/** Version 2: Documentation/admin-guide/cgroup-v2.rst of the kernel. */
export function readStatsV2(read: CgroupReader): CgroupStats {
  const io = read('io', 'io.stat');
  return {
    cpu: cpuV2(read),
    memory: memoryV2(read),
    pids: pidsOf(read),
    blockIo: {
      bytes: parseIoStat(io, { rbytes: 'read', wbytes: 'write' }),
      operations: parseIoStat(io, { rios: 'read', wios: 'write' }),
    },
  };
}

function cpuV1(read: CgroupReader): CpuStats {
  const ticks = parseFlatKeyed(read('cpuacct', 'cpuacct.stat'));
  const throttling = parseFlatKeyed(read('cpu', 'cpu.stat'));
  return {
    totalNs: toNumber(read('cpuacct', 'cpuacct.usage')),
    userNs: (ticks['user'] ?? 0) * NANOSECONDS_PER_TICK,
    systemNs: (ticks['system'] ?? 0) * NANOSECONDS_PER_TICK,
    perCpuNs: read('cpuacct', 'cpuacct.usage_percpu').trim().split(' ').filter(Boolean).map(Number),
    periods: throttling['nr_periods'] ?? 0,
    throttledPeriods: throttling['nr_throttled'] ?? 0,
    throttledNs: throttling['throttled_time'] ?? 0,
  };
}

function cpuV2(read: CgroupReader): CpuStats {
  const stat = parseFlatKeyed(read('cpu', 'cpu.stat'));
  const microseconds = (key: string) => (stat[key] ?? 0) * 1000;
  return {
    totalNs: microseconds('usage_usec'),
    userNs: microseconds('user_usec'),
    systemNs: microseconds('system_usec'),
    periods: stat['nr_periods'] ?? 0,
    throttledPeriods: stat['nr_throttled'] ?? 0,
    throttledNs: microseconds('throttled_usec'),
  };
}

function memoryV1(read: CgroupReader): MemoryStats {
  const limit = parseLimit(read('memory', 'memory.limit_in_bytes'));
  return {
    usageBytes: toNumber(read('memory', 'memory.usage_in_bytes')),
    maxUsageBytes: toNumber(read('memory', 'memory.max_usage_in_bytes')),
    ...(limit !== undefined && { limitBytes: limit }),
    failures: toNumber(read('memory', 'memory.failcnt')),
    stat: parseFlatKeyed(read('memory', 'memory.stat')),
  };
}

function memoryV2(read: CgroupReader): MemoryStats {
  const limit = parseLimit(read('memory', 'memory.max'));
  const peak = read('memory', 'memory.peak');
  return {
    usageBytes: toNumber(read('memory', 'memory.current')),
    ...(peak !== '' && { maxUsageBytes: toNumber(peak) }),
    ...(limit !== undefined && { limitBytes: limit }),
    failures: parseFlatKeyed(read('memory', 'memory.events'))['max'] ?? 0,
    stat: parseFlatKeyed(read('memory', 'memory.stat')),
  };
}

export function oomKillsV2(read: CgroupReader): number {
  return parseFlatKeyed(read('memory', 'memory.events'))['oom_kill'] ?? 0;
}

function pidsOf(read: CgroupReader): CgroupStats['pids'] {
  const limit = parseLimit(read('pids', 'pids.max'));
  return { current: toNumber(read('pids', 'pids.current')), ...(limit !== undefined && { limit }) };
}

/** Lines of `key value`. */
function parseFlatKeyed(text: string): Readonly<Record<string, number>> {
  const entries = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
  return Object.fromEntries(entries.map(([key = '', value]) => [key, Number(value)]));
}

/** A number, or undefined for `max` and what version 1 writes instead. */
export function parseLimit(text: string): number | undefined {
  const value = text.trim();
  if (value === '' || value === 'max' || Number(value) > UNLIMITED) return undefined;
  return Number(value);
}

/** Lines of `8:0 Read 4096`, closed by a `Total 4096` for all devices. */
function parseBlockIoV1(text: string): readonly BlockIoEntry[] {
  return text.split('\n').flatMap((line) => {
    const [, major, minor, operation, value] = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line) ?? [];
    if (operation === undefined) return [];
    return { major: Number(major), minor: Number(minor), operation, value: Number(value) };
  });
}

/** Lines of `8:0 rbytes=1 wbytes=2 rios=3 …`. */
function parseIoStat(text: string, operations: Readonly<Record<string, string>>): readonly BlockIoEntry[] {
  return text.split('\n').flatMap((line) => {
    const [device = '', ...pairs] = line.split(' ');
    const [major, minor] = device.split(':').map(Number);
    if (major === undefined || minor === undefined) return [];
    return pairs.flatMap((pair) => {
      const [key = '', value] = pair.split('=');
      const operation = operations[key];
      return operation === undefined ? [] : { major, minor, operation, value: Number(value) };
    });
  });
}

function toNumber(text: string): number {
  return Number(text.trim() || 0);
}
