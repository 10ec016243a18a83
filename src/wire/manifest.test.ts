import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeIndexPush, splitSource } from './manifest.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

test('an index to push is decoded, and a source taken apart', () => {
  const index = { MediaType: 'm', Raw: 'e30=', Sources: [`host:5000/a/b@${DIGEST}`] };
  assert.deepEqual(decodeIndexPush(JSON.stringify(index)), index);
  assert.deepEqual(splitSource(index.Sources[0] ?? ''), { repository: 'host:5000/a/b', digest: DIGEST });
});

test('anything else is refused', () => {
  for (const body of ['', '[]', '{}', '{"MediaType":1,"Raw":""}', '{"MediaType":"m","Raw":"","Sources":[1]}'])
    assert.throws(() => decodeIndexPush(body), { code: 'invalid' }, body);
  for (const source of ['a', `@${DIGEST}`, 'a@sha256:../../x', `a@${DIGEST.toUpperCase()}`])
    assert.throws(() => splitSource(source), { code: 'invalid' }, source);
});
