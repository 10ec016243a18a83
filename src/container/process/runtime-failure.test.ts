import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runtimeFailure } from './runtime-failure.ts';
import { startExitCode } from './start-exit-code.ts';

test('what a runtime says is read once: why, in runc’s words, and which exit code that is', () => {
  const missing = 'program-missing';
  const notExecutable = 'program-not-executable';
  const cases = [
    [
      'executable file `nope` not found in $PATH: No such file or directory',
      { reason: missing, code: 'invalid', exitCodes: [127, 127] },
      'exec: "nope": executable file not found in $PATH',
    ],
    [
      'executable file `/nonexist` not found: No such file or directory',
      { reason: missing, code: 'invalid', exitCodes: [127, 127] },
      'exec: "/nonexist": stat /nonexist: no such file or directory',
    ],
    [
      'the path `/bin/x` exists but it is not executable: Operation not permitted',
      { reason: notExecutable, code: 'invalid', exitCodes: [126, 126] },
      'exec: "/bin/x": permission denied',
    ],
    [
      'the path `/bin` is not a regular file: Operation not permitted',
      { reason: notExecutable, code: 'invalid', exitCodes: [126, 126] },
      'exec: "/bin": is a directory: permission denied',
    ],
    [
      'cannot find `` in $PATH: No such file or directory',
      { reason: missing, code: 'invalid', exitCodes: [127, 127] },
      'exec: "": executable file not found in $PATH',
    ],
    [
      'runc run failed: unable to start container process: exec: "nope": executable file not found in $PATH',
      { reason: missing, code: 'invalid', exitCodes: [127, 127] },
      'exec: "nope": executable file not found in $PATH',
    ],
    [
      'exec failed: unable to start container process: exec: "/etc": is a directory',
      { reason: notExecutable, code: 'invalid', exitCodes: [126, 126] },
      'exec: "/etc": is a directory: permission denied',
    ],
    [
      'chdir to `/x`: No such file or directory',
      { reason: 'no-working-directory', code: 'invalid', exitCodes: [127, 126] },
      'chdir to `/x`: No such file or directory',
    ],
    [
      'write to `/sys/fs/cgroup/x`: Invalid argument',
      { reason: 'runtime-failed', code: 'internal', exitCodes: [128, 126] },
      'write to `/sys/fs/cgroup/x`: Invalid argument',
    ],
  ] as const;
  for (const [said, { reason, code, exitCodes }, problem] of cases) {
    for (const [index, what] of (['container', 'exec'] as const).entries()) {
      const error = runtimeFailure(said, { what, id: 'c1' });
      assert.deepEqual([error.reason, error.code, error.subject], [reason, code, 'c1'], said);
      assert.deepEqual(error.details, { what, problem });
      assert.equal(startExitCode(error, what), exitCodes[index], said);
    }
  }
});

test('whatever else fails has the exit code of a container that could not be made', () => {
  assert.equal(startExitCode(new Error('permission denied'), 'container'), 128);
  assert.equal(startExitCode(new Error('no such file or directory'), 'exec'), 126);
});
