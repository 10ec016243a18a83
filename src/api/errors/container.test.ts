import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerError } from '#container/container-errors.ts';
import { runtimeFailure } from '#container/process/runtime-failure.ts';
import { dockerError, dockerErrorText } from './docker-error.ts';

test('clients read of a start that failed what they look for in the words of runc', () => {
  const said = 'executable file `nope` not found in $PATH: No such file or directory';
  const problem = 'exec: "nope": executable file not found in $PATH: unknown';
  assert.equal(
    dockerErrorText(runtimeFailure(said, { what: 'container', id: 'c1' })),
    'failed to create task for container: failed to create shim task: OCI runtime create failed: ' +
      `runc create failed: unable to start container process: ${problem}`,
  );
  assert.deepEqual(dockerError(runtimeFailure(said, { what: 'exec', id: 'e1' })), {
    status: 400,
    message: `OCI runtime exec failed: exec failed: unable to start container process: ${problem}`,
  });
});

test('errors with details keep Docker’s texts', () => {
  const cases = [
    [
      containerError('no-device-driver', { subject: '', details: { capabilities: '[gpu] [utility]' } }),
      'could not select device driver "" with capabilities: [[gpu] [utility]]',
    ],
    [
      containerError('rename-name-taken', { subject: 'web', details: { owner: 'abc' } }),
      'Error when allocating new name: Conflict. The container name "/web" is already in use by container "abc". ' +
        'You have to remove (or rename) that container to be able to reuse that name.',
    ],
    [
      containerError('filter-status-invalid', { subject: 'zz', details: { known: '"created"' } }),
      `invalid filter 'status=zz': invalid value for state ("zz"): must be one of "created"`,
    ],
    [
      containerError('capability-unknown', { subject: 'CAP_FOO', details: { list: 'drop' } }),
      'invalid CapDrop: unknown capability: "CAP_FOO"',
    ],
    [containerError('memory-low'), 'Minimum memory limit allowed is 6MB'],
  ] as const;
  for (const [error, text] of cases) assert.equal(dockerErrorText(error), text);
});
