import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '#base/errors.ts';
import { BaseImageFailure, withImagePlace } from './step-errors.ts';

const place = {
  source: { name: 'Dockerfile', text: 'FROM x\n' },
  ranges: [{ start: { line: 1, column: 1 }, end: { line: 1, column: 7 } }],
  stages: ['base'],
};

async function failureOf(image: string, error: EngineError): Promise<unknown> {
  return await withImagePlace(image, place, Promise.reject(error)).catch((failure: unknown) => failure);
}

test('an image that cannot be had: where it is asked for, and what may have been meant', async () => {
  const missing = new EngineError('not-found', 'no such image');
  for (const [image, message] of [
    ['bsae', 'no such image (did you mean base?)'],
    ['alpin', 'no such image (did you mean alpine?)'],
    ['example.org/x', 'no such image'],
  ] as const) {
    const failure = await failureOf(image, missing);
    assert(failure instanceof BaseImageFailure);
    assert.equal(failure.message, message);
    assert.deepEqual(failure.ranges, place.ranges);
  }
});

test('what is no name of an image', async () => {
  const failure = await failureOf('BB', new EngineError('invalid', 'must be lowercase'));
  assert(failure instanceof EngineError);
  assert.equal(failure.message, 'failed to parse stage name "BB": must be lowercase');
});
