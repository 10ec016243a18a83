import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { removeEmptyCgroup } from './cgroup-removal.ts';
import { type CgroupReader, parseLimit, readStatsV1, readStatsV2 } from './cgroup-stats.ts';
import { cgroupLayoutOf, readCgroupLayout } from './cgroup-layout.ts';
import { ContainerCgroup } from './container-cgroup.ts';
import { parseMountInfo } from './mountinfo.ts';

// Against real containers: runtime.test.ts. This machine has only one of the layouts; the others are texts.

const known = new Set(['cpu', 'cpuacct', 'memory', 'pids', 'freezer']);
const v1Mounts = [
  '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
  '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
  '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
  '50 31 0:32 / /elsewhere/memory rw - cgroup cgroup rw,memory',
].join('\n');

function layoutOf(mountinfo: string) {
  const { mode, v1Controllers, unifiedPath } = cgroupLayoutOf(parseMountInfo(mountinfo), known);
  return { mode, v1: Object.fromEntries(v1Controllers), unifiedPath };
}

test('layouts: version 1, hybrid, version 2', () => {
  const v1 = {
    cpu: '/sys/fs/cgroup/cpu,cpuacct',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
    memory: '/sys/fs/cgroup/memory',
    'name=systemd': '/sys/fs/cgroup/systemd',
  };
  assert.deepEqual(layoutOf(v1Mounts), { mode: 'v1', v1, unifiedPath: undefined });
  const unifiedPath = '/sys/fs/cgroup/unified';
  const hybrid = `${v1Mounts}\n41 31 0:38 / ${unifiedPath} rw - cgroup2 cgroup2 rw`;
  assert.deepEqual(layoutOf(hybrid), { mode: 'hybrid', v1, unifiedPath });
  const v2 = '41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate';
  assert.deepEqual(layoutOf(v2), { mode: 'v2', v1: {}, unifiedPath: '/sys/fs/cgroup' });
});

function reader(files: Readonly<Record<string, string>>): CgroupReader {
  return (controller, file) => files[`${controller}/${file}`] ?? '';
}

test('statistics of version 2', () => {
  const stats = readStatsV2(
    reader({
      'cpu/cpu.stat':
        'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 4\nnr_throttled 2\nthrottled_usec 30\n',
      'memory/memory.current': '1048576\n',
      'memory/memory.peak': '2097152\n',
      'memory/memory.max': '67108864\n',
      'memory/memory.events': 'low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n',
      'memory/memory.stat': 'anon 4096\nfile 8192\ninactive_file 100\n',
      'pids/pids.current': '3\n',
      'pids/pids.max': 'max\n',
      'io/io.stat':
        '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n252:1 rbytes=5 wbytes=0 rios=1 wios=0\n',
    }),
  );
  assert.deepEqual(stats.cpu, {
    totalNs: 1_500_000,
    userNs: 1_000_000,
    systemNs: 500_000,
    periods: 4,
    throttledPeriods: 2,
    throttledNs: 30_000,
  });
  assert.deepEqual(stats.memory, {
    usageBytes: 1048576,
    maxUsageBytes: 2097152,
    limitBytes: 67108864,
    failures: 12,
    stat: { anon: 4096, file: 8192, inactive_file: 100 },
  });
  assert.deepEqual(stats.pids, { current: 3 });
  assert.deepEqual(stats.blockIo.bytes, [
    { major: 8, minor: 0, operation: 'read', value: 10 },
    { major: 8, minor: 0, operation: 'write', value: 20 },
    { major: 252, minor: 1, operation: 'read', value: 5 },
    { major: 252, minor: 1, operation: 'write', value: 0 },
  ]);
  assert.equal(stats.blockIo.operations[1]?.value, 2);
});

test('statistics of version 1', () => {
  const stats = readStatsV1(
    reader({
      'cpuacct/cpuacct.usage': '123456789\n',
      'cpuacct/cpuacct.usage_percpu': '100 200 \n',
      'cpuacct/cpuacct.stat': 'user 5\nsystem 7\n',
      'cpu/cpu.stat': 'nr_periods 1\nnr_throttled 2\nthrottled_time 3\n',
      'memory/memory.usage_in_bytes': '4096\n',
      'memory/memory.max_usage_in_bytes': '8192\n',
      'memory/memory.limit_in_bytes': '9223372036854771712\n',
      'memory/memory.failcnt': '9\n',
      'memory/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
      'pids/pids.current': '1\n',
      'pids/pids.max': '20\n',
      'blkio/blkio.throttle.io_service_bytes_recursive': '254:0 Read 4096\n254:0 Total 4096\nTotal 4096\n',
    }),
  );
  assert.deepEqual(stats.cpu, {
    totalNs: 123456789,
    userNs: 50_000_000,
    systemNs: 70_000_000,
    perCpuNs: [100, 200],
    periods: 1,
    throttledPeriods: 2,
    throttledNs: 3,
  });
  assert.equal(stats.memory.limitBytes, undefined);
  assert.deepEqual(stats.pids, { current: 1, limit: 20 });
  assert.deepEqual(stats.blockIo.bytes[0], { major: 254, minor: 0, operation: 'Read', value: 4096 });
});

test('limits', () => {
  assert.equal(parseLimit('max\n'), undefined);
  assert.equal(parseLimit('9223372036854771712\n'), undefined);
  assert.equal(parseLimit('4096\n'), 4096);
  assert.equal(parseLimit(''), undefined);
});

test('a cgroup that is gone', async () => {
  const cgroup = new ContainerCgroup(readCgroupLayout(), '/caisson-test-nowhere');
  assert.equal(cgroup.exists(), false);
  assert.throws(
    () => cgroup.readStats(),
    (error) => isEngineError(error, 'not-found'),
  );
  assert.deepEqual(cgroup.pids(), []);
  await assert.rejects(cgroup.freeze(), (error) => isEngineError(error, 'not-found'));
});

test('an empty cgroup is removed from every hierarchy, one with a child stays', () => {
  const layout = readCgroupLayout();
  const root = layout.v1Controllers.get('pids') ?? layout.unifiedPath ?? '';
  const path = join(root, `caisson-empty-${process.pid}`);
  mkdirSync(join(path, 'child'), { recursive: true });
  removeEmptyCgroup(layout, basename(path));
  assert.ok(existsSync(path));
  rmdirSync(join(path, 'child'));
  removeEmptyCgroup(layout, basename(path));
  assert.ok(!existsSync(path));
  removeEmptyCgroup(layout, basename(path));
});
