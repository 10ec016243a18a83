import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CgroupMoves } from './cgroup-moves.ts';
import { readCgroupLayout } from './cgroups.ts';

const expedited = () => readFileSync('/sys/kernel/rcu_expedited', 'latin1');
const ownCgroups = () => readFileSync('/proc/self/cgroup', 'latin1');
const openDescriptors = () => readdirSync('/proc/self/fd').length;

test('expecting a move changes nothing that lasts', () => {
  const before = { cgroups: ownCgroups(), expedited: expedited(), descriptors: openDescriptors() };
  {
    using moves = new CgroupMoves(readCgroupLayout());
    moves.expect();
    moves.expect();
    assert.equal(expedited(), before.expedited);
    assert.equal(ownCgroups(), before.cgroups);
  }
  assert.equal(openDescriptors(), before.descriptors);
});

test('where no cgroups are mounted nothing is done', () => {
  using moves = new CgroupMoves({ mode: 'v1', v1Controllers: new Map() });
  moves.expect();
});
