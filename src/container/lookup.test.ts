import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lookup } from './lookup.ts';

const id = (start: string) => start.padEnd(64, '0');
const one = { id: id('abc1'), name: 'one' };
const two = { id: id('abc2'), name: 'abc1' };
const three = { id: id('f00'), name: 'three' };

function filled(): Lookup<{ readonly id: string; readonly name: string }> {
  const lookup = new Lookup<{ readonly id: string; readonly name: string }>();
  for (const value of [three, one, two]) lookup.add(value);
  return lookup;
}

test('ids, names and prefixes resolve in that order', () => {
  const lookup = filled();
  assert.equal(lookup.get(one.id), one);
  assert.equal(lookup.get('/three'), three);
  assert.equal(lookup.get('abc1'), two, 'a name wins over a prefix');
  assert.equal(lookup.get('abc10'), one);
  assert.equal(lookup.get('f'), three);
  assert.throws(() => lookup.get('abc'), {
    code: 'invalid',
    reason: 'container-ambiguous',
    subject: 'abc',
  });
  for (const unknown of ['nope', 'abd', '', 'f01']) {
    assert.throws(() => lookup.get(unknown), {
      code: 'not-found',
      reason: 'no-such-container',
      subject: unknown,
    });
  }
});

test('a deleted container is gone under every reference and its name free', () => {
  const lookup = filled();
  lookup.delete(one);
  assert.throws(() => lookup.get('one'), { code: 'not-found' });
  assert.equal(lookup.get('abc'), two);
  lookup.reserve('one', id('9'));
  assert.equal(lookup.size, 2);
});

test('of two reservations of a name the second fails with the first owner', () => {
  const lookup = filled();
  lookup.reserve('web', id('7'));
  assert.throws(() => lookup.reserve('web', id('8')), {
    code: 'conflict',
    reason: 'container-name-taken',
    subject: 'web',
    details: { owner: id('7') },
  });
  lookup.release('web', id('8'));
  assert.ok(lookup.isTaken('web'), 'only its owner releases it');
  lookup.release('web', id('7'));
  assert.ok(!lookup.isTaken('web'));
});
