import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newContainerSpec } from './new-container-spec.ts';

test('what is said of a group leaves the rest of the group alone', () => {
  const spec = newContainerSpec('postgres:18', {
    process: { environment: ['POSTGRES_PASSWORD=secret'] },
    removedOnExit: true,
  });
  assert.equal(spec.image, 'postgres:18');
  assert.deepEqual(spec.process.environment, ['POSTGRES_PASSWORD=secret']);
  assert.equal(spec.process.stdin, 'closed');
  assert.equal(spec.process.command, undefined);
  assert.deepEqual(spec.network.mode, { kind: 'attached', attachments: [] });
  assert.equal(spec.removedOnExit, true);
});

test('a spec is plain data: it survives JSON', () => {
  const spec = newContainerSpec('busybox', { namespaces: { pid: { container: 'web' } } });
  assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
});
