import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSecurityOptions } from './security-options.ts';

test('security options', () => {
  const parsed = parseSecurityOptions(['seccomp=unconfined', 'no-new-privileges:true', 'apparmor=x']);
  assert.equal(parsed.seccomp.kind, 'unconfined');
  assert.equal(parsed.noNewPrivileges, true);
  assert.equal(parsed.warnings.length, 1);
  assert.deepEqual(parseSecurityOptions(['seccomp={}']).seccomp, { kind: 'profile', json: '{}' });
  assert.throws(() => parseSecurityOptions(['foo']), { message: 'invalid --security-opt 1: "foo"' });
  assert.throws(() => parseSecurityOptions(['foo=bar']), { message: 'invalid --security-opt 2: "foo=bar"' });
});
