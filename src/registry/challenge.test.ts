import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChallenges } from './challenge.ts';

test('a bearer challenge with scope and error', () => {
  const header =
    'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull,push",error="invalid_token"';
  assert.deepEqual(parseChallenges(header), [
    {
      scheme: 'bearer',
      parameters: {
        realm: 'https://auth.example.com/token',
        service: 'registry.example.com',
        scope: 'repository:a/b:pull,push',
        error: 'invalid_token',
      },
    },
  ]);
});

test('several schemes in one header, quotes within quotes, any case', () => {
  assert.deepEqual(parseChallenges('BASIC Realm="a \\"b\\"", Negotiate, bearer realm=x , service = "y"'), [
    { scheme: 'basic', parameters: { realm: 'a "b"' } },
    { scheme: 'negotiate', parameters: {} },
    { scheme: 'bearer', parameters: { realm: 'x', service: 'y' } },
  ]);
});

test('garbage is no challenge and takes no time', () => {
  for (const header of [
    undefined,
    '',
    ',,,',
    '="x"',
    '"',
    'Basic '.repeat(10_000),
    `Bearer ${'\\'.repeat(15_000)}`,
  ])
    assert.ok(parseChallenges(header).length < 10_000, header ?? 'none');
});
