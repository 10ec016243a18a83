import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateName, validateName } from './names.ts';
import { ADJECTIVES, SURNAMES } from './name-words.ts';

test('names that Docker accepts and refuses', () => {
  assert.equal(validateName('/web-1'), 'web-1');
  assert.equal(validateName('a.b_c'), 'a.b_c');
  for (const bad of ['a', '-ab', 'a b', 'a/b', 'ä1', '']) {
    assert.throws(() => validateName(bad), {
      code: 'invalid',
      reason: 'container-name-invalid',
      subject: bad,
    });
  }
});

test('generated names are valid, and avoid what is taken', () => {
  assert.match(
    generateName('0123456789abcdef', () => false),
    /^[a-z]+_[a-z]+$/,
  );
  assert.match(
    generateName('0123456789abcdef', (name) => !/\d$/.test(name)),
    /^[a-z]+_[a-z]+\d$/,
  );
  assert.equal(
    generateName('0123456789abcdef', () => true),
    '0123456789ab',
  );
  for (const words of [ADJECTIVES, SURNAMES]) {
    assert.equal(new Set(words).size, words.length);
    assert.ok(words.every((word) => /^[a-z]+$/.test(word)));
  }
});
