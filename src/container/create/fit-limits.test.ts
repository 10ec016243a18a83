import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CgroupFeatures } from '#linux/cgroup-features.ts';
import { fitLimits } from './fit-limits.ts';

const ALL: CgroupFeatures = {
  has: () => true,
  swappiness: true,
  oomKillerSwitch: true,
  blockIoWeight: true,
  realtime: true,
  available: { cpus: '0-1', mems: '0' },
};

test('limits that the machine can keep are kept', () => {
  const asked = { memoryBytes: 2 ** 30, swappiness: 10, cpus: '0-1', memoryNodes: '0', blockIoWeight: 100 };
  assert.deepEqual(fitLimits(asked, ALL), { limits: asked, warnings: [] });
});

test('limits that it cannot keep are discarded with a warning', () => {
  const unified = { ...ALL, swappiness: false, oomKillerSwitch: false, blockIoWeight: false };
  const asked = { memoryBytes: 2 ** 30, swappiness: 10, oomKillerDisabled: true, blockIoWeight: 100 };
  const { limits, warnings } = fitLimits(asked, unified);
  assert.deepEqual(limits, { memoryBytes: 2 ** 30 });
  assert.equal(warnings.length, 3);
  const bare = { ...ALL, has: () => false };
  assert.deepEqual(fitLimits({ memoryBytes: 2 ** 30, pids: 7, nanoCpus: 1e9, cpus: '7' }, bare).limits, {});
});

test('a container that is never killed for want of memory may have all of it: that is said', () => {
  assert.match(fitLimits({ oomKillerDisabled: true }, ALL).warnings.join(), /no memory limit is set/);
  assert.deepEqual(fitLimits({ oomKillerDisabled: true, memoryBytes: 2 ** 30 }, ALL).warnings, []);
});

test('what the machine does not have is refused', () => {
  assert.throws(() => fitLimits({ cpus: '2' }, ALL), { reason: 'cpuset-unavailable' });
  assert.throws(() => fitLimits({ memoryNodes: '1' }, ALL), { reason: 'cpuset-unavailable' });
  const without = { ...ALL, realtime: false };
  assert.throws(() => fitLimits({ cpuRealtimeRuntimeUs: 1 }, without), { reason: 'realtime-unsupported' });
});
