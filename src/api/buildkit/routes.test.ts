import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';

test('an API without builds loads nothing of BuildKit', async () => {
  const loaded: string[] = [];
  const hooks = registerHooks({
    load: (url, context, nextLoad) => {
      loaded.push(url);
      return nextLoad(url, context);
    },
  });
  await import('../server.ts');
  hooks.deregister();
  assert.ok(loaded.length > 50);
  const own = loaded.filter((url) => /\/buildkit\/|bufbuild/.test(url));
  assert.deepEqual(
    own.map((url) => url.replace(/.*\/src\//, '')),
    ['api/buildkit/routes.ts'],
  );
});
