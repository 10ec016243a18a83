import { Row } from '../template/value.ts';
import type { Listing } from './rows.ts';
import { binarySize, humanSize } from './sizes.ts';

/** The fields of `GET /containers/{id}/stats` that are shown. */
export interface StatsSample {
  readonly id: string;
  readonly name: string;
  readonly cpu_stats: CpuStats;
  readonly precpu_stats: CpuStats;
  readonly memory_stats: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
  readonly pids_stats?: { readonly current?: number };
}

interface CpuStats {
  readonly cpu_usage: { readonly total_usage: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

export const statsListing: Listing = {
  headings: {
    Container: 'CONTAINER',
    ID: 'CONTAINER ID',
    Name: 'NAME',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
  columns: ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'],
};

function unknown(): string {
  return '--';
}

function unknownPair(): string {
  return '-- / --';
}

/** @param sample undefined while none arrived */
export function statsRow(container: string, sample: StatsSample | undefined, noTrunc: boolean): Row {
  if (!sample) return unknownRow(container);
  const { usage, limit } = memoryOf(sample);
  const network = Object.values(sample.networks ?? {});
  const io = sample.blkio_stats?.io_service_bytes_recursive ?? [];
  const total = (letter: string): number =>
    io.filter(({ op }) => op.toLowerCase().startsWith(letter)).reduce((sum, { value }) => sum + value, 0);
  return new Row({
    Container: () => container,
    ID: () => (noTrunc ? sample.id : sample.id.slice(0, 12)),
    Name: () => sample.name.replace(/^\//, ''),
    CPUPerc: () => `${cpuPercent(sample).toFixed(2)}%`,
    MemUsage: () => `${binarySize(usage)} / ${binarySize(limit)}`,
    MemPerc: () => `${(limit === 0 ? 0 : (usage / limit) * 100).toFixed(2)}%`,
    NetIO: () =>
      `${humanSize(
        network.reduce((sum, each) => sum + each.rx_bytes, 0),
        3,
      )} / ${humanSize(
        network.reduce((sum, each) => sum + each.tx_bytes, 0),
        3,
      )}`,
    BlockIO: () => `${humanSize(total('r'), 3)} / ${humanSize(total('w'), 3)}`,
    PIDs: () => String(sample.pids_stats?.current ?? 0),
  });
}

function unknownRow(container: string): Row {
  return new Row({
    Container: () => container,
    ID: () => container.slice(0, 12),
    Name: unknown,
    CPUPerc: unknown,
    MemUsage: unknownPair,
    MemPerc: unknown,
    NetIO: unknownPair,
    BlockIO: unknownPair,
    PIDs: unknown,
  });
}

/** The page cache that can be given back at once is not counted (v1 `total_inactive_file`, v2 `inactive_file`). */
function memoryOf({ memory_stats: { usage = 0, limit = 0, stats = {} } }: StatsSample): {
  readonly usage: number;
  readonly limit: number;
} {
  const cache = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  return { usage: cache < usage ? usage - cache : usage, limit };
}

function cpuPercent({ cpu_stats: now, precpu_stats: before }: StatsSample): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const system = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || now.cpu_usage.percpu_usage?.length || 1;
  return system > 0 && used > 0 ? (used / system) * cpus * 100 : 0;
}
