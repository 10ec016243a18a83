import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePlatform } from './platform.ts';

test('a platform is JSON, or the text that people write, normalized', () => {
  assert.equal(decodePlatform(''), undefined);
  assert.deepEqual(decodePlatform('{"os":"linux","architecture":"arm64","variant":"v8"}'), {
    os: 'linux',
    architecture: 'arm64',
  });
  assert.deepEqual(decodePlatform('{"architecture":"arm","os":"linux","variant":"v7"}'), {
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
  });
  assert.deepEqual(decodePlatform('linux/x86_64'), { os: 'linux', architecture: 'amd64' });
});

test('anything else is refused', () => {
  const hostile = [
    '{',
    '{}',
    '{"os":1,"architecture":"a"}',
    '{"os":"a/b","architecture":"c/d/e"}',
    'a/b/c/d',
    'a b/c',
  ];
  for (const text of [...hostile, `{"os":"linux","architecture":"${'a'.repeat(5000)}"}`])
    assert.throws(() => decodePlatform(text), { code: 'invalid' }, text);
});
