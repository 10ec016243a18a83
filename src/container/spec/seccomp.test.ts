import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RuntimeSeccomp } from '#oci/runtime-spec.ts';
import { DEFAULT_CAPABILITIES } from './capabilities.ts';
import { loadSeccompProfile, parseSeccompProfile } from './seccomp.ts';
import type { SeccompChoice } from '../container-spec.ts';
import { selectSeccomp } from './select-seccomp.ts';

/** The action for a call without regard to its arguments; the first rule counts. */
function actionFor(filter: RuntimeSeccomp, name: string): string {
  return filter.syscalls.find(({ names }) => names.includes(name))?.action ?? filter.defaultAction;
}

test('the default profile follows the capabilities', () => {
  const profile = loadSeccompProfile();
  const normal = profile.compile(DEFAULT_CAPABILITIES);
  assert.equal(normal.defaultErrnoRet, 38);
  assert.equal(actionFor(normal, 'read'), 'SCMP_ACT_ALLOW');
  assert.equal(actionFor(normal, 'mount'), 'SCMP_ACT_ERRNO');
  assert.equal(actionFor(normal, 'chroot'), 'SCMP_ACT_ALLOW');
  const admin = profile.compile([...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN']);
  assert.equal(actionFor(admin, 'mount'), 'SCMP_ACT_ALLOW');
  for (const name of ['syslog', 'perf_event_open']) {
    assert.equal(actionFor(admin, name), 'SCMP_ACT_ALLOW', name);
    assert.equal(actionFor(normal, name), 'SCMP_ACT_ERRNO', name);
  }
  assert.equal(profile.compile([...DEFAULT_CAPABILITIES]), normal, 'equal sets share one filter');
});

function rule(name: string, includes: object, excludes: object = {}): object {
  return { names: [name], action: 'SCMP_ACT_ALLOW', includes, excludes };
}

test('conditions on architecture, kernel and capabilities', () => {
  const profile = parseSeccompProfile(
    JSON.stringify({
      defaultAction: 'SCMP_ACT_ERRNO',
      archMap: [{ architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] }],
      syscalls: [
        rule('arm', { arches: ['arm', 'arm64'] }),
        rule('amd', { arches: ['amd64'] }),
        rule('old', { minKernel: '4.8' }),
        rule('new', { minKernel: '9.0' }),
        rule('both', { caps: ['CAP_BPF', 'CAP_KILL'] }),
        rule('neither', {}, { caps: ['CAP_KILL', 'CAP_BPF'] }),
        rule('always', {}),
      ],
    }),
    { architecture: 'arm64', kernelRelease: '6.18.0-rc1' },
  );
  const filter = profile.compile(['CAP_KILL']);
  assert.deepEqual(
    filter.syscalls.flatMap(({ names }) => names),
    ['arm', 'old', 'always'],
  );
  assert.deepEqual(filter.architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
});

test('a profile that is none is refused', () => {
  for (const text of ['{', '[]', '{"defaultAction":1}', '{"defaultAction":"x","syscalls":[1]}']) {
    assert.throws(() => parseSeccompProfile(text), { code: 'invalid' }, text);
  }
});

test('privileged containers have no filter unless they ask for one', () => {
  const fallback = loadSeccompProfile();
  const select = (seccomp: SeccompChoice, privileged = false) =>
    selectSeccomp({ seccomp, privileged }, fallback);
  assert.equal(select({ kind: 'default' }), fallback);
  assert.equal(select({ kind: 'default' }, true), undefined);
  assert.equal(select({ kind: 'unconfined' }), undefined);
  const own = select({ kind: 'profile', json: '{"defaultAction":"SCMP_ACT_ALLOW"}' }, true);
  assert.equal(own?.compile([]).defaultAction, 'SCMP_ACT_ALLOW');
});
