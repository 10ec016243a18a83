import assert from 'node:assert/strict';
import { test } from 'node:test';
import { execFailure, runtimeError, startFailure } from './runtime-failure.ts';

const create =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: ' +
  'runc create failed: unable to start container process: ';
const exec = 'OCI runtime exec failed: exec failed: unable to start container process: ';

test('crun’s refusals in the words that clients look for', () => {
  const cases = [
    [
      'executable file `nope` not found in $PATH: No such file or directory',
      127,
      'exec: "nope": executable file not found in $PATH',
    ],
    [
      'executable file `/nonexist` not found: No such file or directory',
      127,
      'exec: "/nonexist": stat /nonexist: no such file or directory',
    ],
    [
      'the path `/bin/x` exists but it is not executable: Operation not permitted',
      126,
      'exec: "/bin/x": permission denied',
    ],
    [
      'the path `/bin` is not a regular file: Operation not permitted',
      126,
      'exec: "/bin": is a directory: permission denied',
    ],
    [
      'cannot find `` in $PATH: No such file or directory',
      127,
      'exec: "": executable file not found in $PATH',
    ],
    [
      'runc run failed: unable to start container process: exec: "nope": executable file not found in $PATH',
      127,
      'exec: "nope": executable file not found in $PATH',
    ],
    [
      'exec failed: unable to start container process: exec: "/etc": is a directory',
      126,
      'exec: "/etc": is a directory: permission denied',
    ],
    ['chdir to `/x`: No such file or directory', 127, 'chdir to `/x`: No such file or directory'],
    ['write to `/sys/fs/cgroup/x`: Invalid argument', 128, 'write to `/sys/fs/cgroup/x`: Invalid argument'],
  ] as const;
  for (const [reason, exitCode, text] of cases) {
    assert.deepEqual(startFailure(reason), { message: `${create}${text}: unknown`, exitCode });
    assert.deepEqual(execFailure(reason), { message: `${exec}${text}: unknown`, exitCode });
  }
});

test('what the user asked for is invalid, what the runtime cannot do is internal', () => {
  assert.equal(runtimeError(startFailure('executable file `x` not found in $PATH')).code, 'invalid');
  assert.equal(runtimeError(startFailure('cannot allocate memory')).code, 'internal');
});
