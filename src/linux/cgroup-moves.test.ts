import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { until } from '#base/testing.ts';
import { CgroupMoves } from './cgroup-moves.ts';
import { readCgroupLayout } from './cgroup-layout.ts';

const expedited = () => readFileSync('/sys/kernel/rcu_expedited', 'latin1');
const ownCgroups = () => readFileSync('/proc/self/cgroup', 'latin1');
const urlOf = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
const openDescriptors = () => readdirSync('/proc/self/fd').length;

/** Processes that move for a process, by its pid. */
function moversOf(parent: number | undefined): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const isOurs =
        readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1] === String(parent);
      return isOurs && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('caisson-cgroups');
    } catch {
      return false;
    }
  });
}

test('expecting moves changes nothing that lasts, and takes one process, which ends with its owner', async () => {
  const before = { cgroups: ownCgroups(), descriptors: openDescriptors() };
  {
    using moves = new CgroupMoves(readCgroupLayout());
    moves.expect();
    await until(() => moversOf(process.pid).length === 1, 'a mover');
    moves.expect();
    assert.equal(moversOf(process.pid).length, 1);
    assert.equal(ownCgroups(), before.cgroups);
  }
  await until(() => moversOf(process.pid).length === 0, 'no mover is left');
  await until(() => openDescriptors() === before.descriptors, 'no descriptor is left');
});

test('a sudden end leaves the kernel’s setting as it was', async (context) => {
  const before = expedited();
  // Others on the machine may be at it in this very moment.
  if (before.trim() !== '0') return context.skip('grace periods are expedited already');
  const script = `
    import { CgroupMoves } from ${urlOf('./cgroup-moves.ts')};
    import { readCgroupLayout } from ${urlOf('./cgroup-layout.ts')};
    const moves = new CgroupMoves(readCgroupLayout());
    setInterval(() => moves.expect(), 6);
    console.log('ready');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  await until(() => moversOf(child.pid).length === 1, 'a mover');
  const [mover = ''] = moversOf(child.pid);
  child.kill('SIGKILL');
  await until(() => !readdirSync('/proc').includes(mover), 'the mover has ended');
  await until(() => expedited() === before, 'the setting is back');
});

test('where no cgroups are mounted nothing is done', () => {
  using moves = new CgroupMoves({ mode: 'v1', v1Controllers: new Map() });
  moves.expect();
  assert.deepEqual(moversOf(process.pid), []);
});
