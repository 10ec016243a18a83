import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError, hasReason } from '#base/errors.ts';
import { volumeError } from '#volume/volume-errors.ts';
import { dockerError } from './docker-error.ts';
import { DOCKER_ENTRIES, DOCKER_ERRORS } from './docker-errors.ts';

test('no two domains have the same reason', () => {
  const reasons = DOCKER_ENTRIES.flatMap((entries) => Object.keys(entries));
  assert.ok(reasons.length > 0);
  assert.equal(DOCKER_ERRORS.size, reasons.length);
});

test('an error with a reason is told in the words of Docker, any other in its own', () => {
  const error = volumeError('volume-in-use', { subject: 'data', details: { containers: 'a, b' } });
  assert.match(error.message, /^Cannot remove volume data: containers use it \(a, b\)/);
  assert.ok(hasReason(error, 'no-such-volume', 'volume-in-use') && !hasReason(error, 'no-such-volume'));
  assert.deepEqual(dockerError(error), { status: 409, message: 'remove data: volume is in use - [a, b]' });
  assert.deepEqual(dockerError(new EngineError('invalid', 'Cannot read it')), {
    status: 400,
    message: 'Cannot read it',
  });
  assert.deepEqual(dockerError(new Error('broken')), { status: 500, message: 'broken' });
});
