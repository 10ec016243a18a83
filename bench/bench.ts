/** Every case is run in turn on each engine (A B C A B C …); medians, and ratios to the first engine. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BUILD_CASES } from './build-cases.ts';
import { CASES, command, type Case, type Material } from './cases.ts';
import { mountRunDirectory, removeTree, startContenders, type Contender } from './engines.ts';
import { measureRegistries } from './registry-bench.ts';
import { REGISTRY_CASES } from './registry-cases.ts';
import { measureMany } from './many-containers.ts';
import { pssMegabytes } from './memory.ts';
import { filesFolder, writeBusyboxTar, writeLayeredArchive } from './images.ts';

interface Row {
  readonly name: string;
  /** Milliseconds (or megabytes) by contender; NaN where it failed. */
  readonly values: readonly { readonly median: number; readonly minimum: number }[];
  readonly unit: 'ms' | 'MB';
}

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string' },
    only: { type: 'string' },
    engines: { type: 'string' },
    output: { type: 'string' },
    against: { type: 'string' },
    thousand: { type: 'boolean' },
    counts: { type: 'string' },
  },
});
const runs = Number(options.runs ?? 7);
const only = options.only?.split(',') ?? [];

const engines = options.engines?.split(',') ?? [];
const directory = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
try {
  if (options.thousand) await measureThousand();
  else await measureCases();
} finally {
  removeTree(directory);
}

/** `--thousand`: up to a thousand running containers, or `--counts`. */
async function measureThousand(): Promise<void> {
  const counts = (options.counts ?? '10,100,300,500,1000').split(',').map(Number);
  mountRunDirectory(join(directory, 'run'));
  const table = await measureMany({ directory, busybox: writeBusyboxTar(directory), counts, engines });
  if (options.output !== undefined) writeFileSync(options.output, table);
}

async function measureCases(): Promise<void> {
  const busybox = writeBusyboxTar(directory);
  const layeredArchive = writeLayeredArchive(directory, busybox);
  const material: Material = { directory, layeredArchive, filesFolder: filesFolder(directory) };
  const contenders = await startContenders(directory, engines, options.against);
  const rows: Row[] = [];
  try {
    await settle();
    const idle = contenders.map(memoryMegabytes);
    for (const contender of contenders) command(contender, ['import', busybox, 'bench:latest']);
    for (const item of [...CASES, ...BUILD_CASES, ...REGISTRY_CASES]) {
      if (only.length > 0 && !only.includes(item.name)) continue;
      const measured = await measure(item, contenders, material);
      rows.push(...measured);
      for (const row of measured) print(row, contenders);
    }
    if (only.length === 0 || only.includes('memory')) rows.push(...(await memoryRows(idle, contenders)));
  } finally {
    for (const daemon of new Set(contenders.map((contender) => contender.daemon))) {
      await daemon?.[Symbol.asyncDispose]();
    }
  }
  const target =
    options.output ??
    (only.length === 0 && options.against === undefined
      ? join(import.meta.dirname, 'results.md')
      : undefined);
  const wantsRegistries = only.length === 0 || only.includes('registries');
  const registries = wantsRegistries ? await measureRegistries(directory, 3) : undefined;
  if (target)
    writeFileSync(target, [markdown(rows, contenders), ...(registries ? [registries] : [])].join('\n'));
}

async function measure(
  item: Case,
  contenders: readonly Contender[],
  material: Material,
): Promise<readonly Row[]> {
  const times = contenders.map((): number[] => []);
  const peaks = contenders.map((): number[] => []);
  for (const contender of contenders) attempt(() => item.setUp?.(contender, material));
  const count = item.runs ?? runs;
  for (let round = item.cold ? 1 : 0; round <= count; round++) {
    for (const [index, contender] of contenders.entries()) {
      const elapsed = await timeOnce(item, contender, material);
      if (round > 0) times[index]?.push(elapsed);
      if (item.showsMemory) peaks[index]?.push(peakMegabytes(contender));
    }
  }
  for (const contender of contenders) attempt(() => item.tearDown?.(contender, material));
  const row: Row = { name: item.name, unit: 'ms', values: times.map(summarize) };
  if (!item.showsMemory) return [row];
  return [
    row,
    memoryRow(
      `memory, highest in ${item.name}`,
      peaks.map((each) => Math.max(...each)),
    ),
  ];
}

async function timeOnce(item: Case, contender: Contender, material: Material): Promise<number> {
  try {
    item.before?.(contender, material);
    if (item.showsMemory) {
      // What `before` left in the heap is not what the case needs.
      if (contender.kind === 'caisson') await settle();
      forgetPeak(contender);
    }
    const start = performance.now();
    await item.run(contender, material);
    return performance.now() - start;
  } catch (error) {
    console.error(`  ${item.name}: ${error instanceof Error ? error.message : String(error)}`);
    return Number.NaN;
  }
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    console.error(`  ${error instanceof Error ? error.message : String(error)}`);
  }
}

function summarize(times: readonly number[]): Row['values'][number] {
  const good = times.filter((time) => !Number.isNaN(time)).toSorted((a, b) => a - b);
  return { median: good[Math.floor(good.length / 2)] ?? Number.NaN, minimum: good[0] ?? Number.NaN };
}

/** Resident memory of the daemon and its helpers, without its containers. */
function memoryMegabytes(contender: Contender): number {
  const pids = contender.daemon?.pids() ?? [];
  return pids.reduce((sum, pid) => sum + residentMegabytes(pid), 0);
}

/** The highest since {@link forgetPeak}. */
function peakMegabytes(contender: Contender): number {
  const pids = contender.daemon?.pids() ?? [];
  return pids.reduce((sum, pid) => sum + residentMegabytes(pid, 'VmHWM'), 0);
}

function forgetPeak(contender: Contender): void {
  for (const pid of contender.daemon?.pids() ?? []) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function residentMegabytes(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const match = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) / 1024;
}

/** Threads and caches that only work needs go when there is none for a while. */
async function settle(): Promise<void> {
  await sleep(10_000);
}

/** Idle, after all the work, and what each of ten running containers adds on the host beside its own process. */
async function memoryRows(
  idle: readonly number[],
  contenders: readonly Contender[],
): Promise<readonly Row[]> {
  await settle();
  const rows = [
    memoryRow('memory, idle', idle),
    memoryRow('memory, after work', contenders.map(memoryMegabytes)),
  ];
  const perContainer = contenders.map((contender) => memoryPerContainer(contender));
  rows.push(memoryRow('memory, each running container', perContainer));
  for (const item of rows) print(item, contenders);
  return rows;
}

function memoryRow(name: string, numbers: readonly number[]): Row {
  return { name, unit: 'MB', values: numbers.map((value) => ({ median: value, minimum: value })) };
}

function memoryPerContainer(contender: Contender): number {
  const names = Array.from({ length: 10 }, (_, index) => `bm-${index}`);
  const before = pssMegabytes();
  for (const name of names) command(contender, ['run', '-d', '--name', name, 'bench', 'sleep', '1000']);
  const after = pssMegabytes();
  command(contender, ['rm', '-f', ...(contender.kind === 'podman' ? ['-t', '0'] : []), ...names]);
  return (after - before) / names.length;
}

function cell(row: Row, index: number): string {
  const value = row.values[index];
  const base = row.values[0]?.median ?? Number.NaN;
  if (!value || Number.isNaN(value.median)) return '–';
  const digits = row.unit === 'ms' && value.median >= 100 ? 0 : 1;
  const ratio = base / value.median;
  return `${value.median.toFixed(digits)} ${row.unit}${index > 0 && Number.isFinite(ratio) ? ` (${ratio.toFixed(1)}×)` : ''}`;
}

function print(row: Row | undefined, contenders: readonly Contender[]): void {
  if (!row) return;
  const cells = contenders.map((contender, index) => `${contender.name} ${cell(row, index)}`);
  console.log(`${row.name.padEnd(32)} ${cells.join(' | ')}`);
}

function markdown(rows: readonly Row[], contenders: readonly Contender[]): string {
  const names = contenders.map((contender) => contender.name);
  return [
    '# Benchmark results',
    '',
    `Whole client commands, medians; in brackets how many times faster (or smaller) than ${names[0]}. ` +
      `Written by \`npm run bench\`: ${new Date().toISOString().slice(0, 10)}, Linux ${release()}, ` +
      `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB.`,
    '',
    `| case | ${names.join(' | ')} |`,
    `| --- |${names.map(() => ' --- |').join('')}`,
    ...rows.map((row) => `| ${row.name} | ${names.map((_, index) => cell(row, index)).join(' | ')} |`),
    '',
  ].join('\n');
}
