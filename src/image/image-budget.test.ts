import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { type BudgetImage, planBudget } from './image-budget.ts';

const digest = (name: string): Digest =>
  parseDigest(`sha256:${Buffer.from(name.padEnd(32, '.')).toString('hex')}`);

/** An image of parts `name=bytes`, the shared ones of equal names. */
function image(
  name: string,
  lastUsedMs: number,
  parts: string,
  more: Partial<BudgetImage> = {},
): BudgetImage {
  return { id: digest(name), lastUsedMs, parts: new Set(parts.split(' ').map(digest)), ...more };
}

/** Parts are as large as their names say: `a10`. */
const sizeOf = (part: Digest): number =>
  Number(/\d+/.exec(Buffer.from(part.slice('sha256:'.length), 'hex').toString())?.[0] ?? 0);

function plan(images: readonly BudgetImage[], maximumBytes: number) {
  const { removed, ...sizes } = planBudget(images, sizeOf, maximumBytes);
  const names = removed.map(({ id }) =>
    Buffer.from(id.slice('sha256:'.length), 'hex').toString().replaceAll('.', ''),
  );
  return { names, ...sizes };
}

describe('the image budget', () => {
  it('removes nothing while images fit, shared parts counted once', () => {
    const images = [image('one', 1, 'base50 a10'), image('two', 2, 'base50 b10')];
    assert.deepEqual(plan(images, 70), { names: [], sizeBytes: 70, remainingBytes: 70 });
  });

  it('removes the least recently used until the rest fits', () => {
    const images = [image('new', 3, 'c30'), image('old', 1, 'a30'), image('mid', 2, 'b30')];
    assert.deepEqual(plan(images, 60), { names: ['old'], sizeBytes: 90, remainingBytes: 60 });
    assert.deepEqual(plan(images, 59).names, ['old', 'mid']);
  });

  it('leaves what must stay, whatever the budget', () => {
    const images = [
      image('run', 1, 'a30', { keptBecause: 'a container uses it' }),
      image('mid', 2, 'b30'),
      image('new', 3, 'c30'),
    ];
    assert.deepEqual(plan(images, 0), { names: ['mid', 'new'], sizeBytes: 90, remainingBytes: 30 });
  });

  it('does not remove what gives nothing back, or more than is needed', () => {
    const shared = [image('old', 1, 'base50'), image('mid', 2, 'base50 a10'), image('new', 3, 'b40')];
    assert.deepEqual(plan(shared, 95).names, ['mid']);
    const large = [image('small', 1, 'a10'), image('large', 2, 'b90'), image('new', 3, 'c30')];
    assert.deepEqual(plan(large, 50).names, ['large']);
  });

  it('removes children before their parents, and never a parent alone', () => {
    const parent = image('parent', 1, 'base50');
    const child = image('child', 5, 'base50 a10', { parent: parent.id });
    assert.deepEqual(plan([parent, child, image('new', 9, 'b10')], 20).names, ['child', 'parent']);
    const kept = { ...child, keptBecause: 'a label' };
    assert.deepEqual(plan([parent, kept, image('new', 9, 'b10')], 20).names, ['new']);
  });
});
