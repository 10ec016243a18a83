import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseInteger } from './integers.ts';

describe('integers', () => {
  it('are decimal and whole', () => {
    assert.equal(parseInteger('-12'), -12);
    assert.throws(() => parseInteger('1x'), /strconv\.Atoi: parsing "1x": invalid syntax/);
    assert.throws(() => parseInteger(''), /parsing "": invalid syntax/);
    assert.throws(() => parseInteger('99999999999999999999'), /value out of range/);
  });
});
