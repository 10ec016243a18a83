import assert from 'node:assert/strict';
import { it } from 'node:test';
import { STATUS } from './status.ts';

it('gives the statuses that clients act on', () => {
  assert.equal(STATUS['not-modified'], 304);
  assert.equal(STATUS.invalid, 400);
  assert.equal(STATUS.forbidden, 403);
  assert.equal(STATUS['not-found'], 404);
  assert.equal(STATUS.conflict, 409);
  assert.equal(STATUS['not-implemented'], 501);
  assert.equal(STATUS.unavailable, 503);
});
