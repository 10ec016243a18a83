import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBoolean, parseGoBoolean } from './booleans.ts';

describe('booleans', () => {
  it("are the daemon's", () => {
    for (const text of ['', '0', 'no', 'false', 'none', 'False', ' NONE '])
      assert.equal(parseBoolean(text), false);
    for (const text of ['1', 'true', 'yes', 'x', 'True']) assert.equal(parseBoolean(text), true);
    assert.equal(parseBoolean(null), false);
    assert.equal(parseBoolean(undefined, true), true);
  });

  it("are Go's, where nothing else counts", () => {
    for (const text of ['1', 't', 'T', 'true', 'TRUE', 'True']) assert.equal(parseGoBoolean(text), true);
    for (const text of ['0', 'f', 'F', 'false', 'FALSE', 'False']) assert.equal(parseGoBoolean(text), false);
    for (const text of ['', 'yes', 'no', 'tRUE', ' 1']) assert.equal(parseGoBoolean(text), undefined);
  });
});
