import type { ProfileFile, ProfileRule } from './seccomp-file.ts';

/*
 * The profile of containers-common is made for rootless containers too and so lets every process create user namespaces
 * and mount inside them. Docker's does not, and a container of ours must not be less confined than one of Docker's.
 */

const EPERM = 1;
const ENOSYS = 38;
const AF_VSOCK = 40;
/** All CLONE_NEW… flags except CLONE_NEWTIME, which clone(2) cannot carry. */
const NAMESPACE_FLAGS = 0x7e020000;

/** Calls that need a capability anyway in the container's own user namespace. */
const GUARDED: Readonly<Record<string, readonly string[]>> = {
  CAP_SYS_ADMIN: [
    'fsconfig',
    'fsmount',
    'fsopen',
    'fspick',
    'mount',
    'mount_setattr',
    'move_mount',
    'open_tree',
    'setns',
    'umount',
    'umount2',
    'unshare',
  ],
  CAP_SYS_BOOT: ['reboot'],
  CAP_SYS_NICE: ['get_mempolicy', 'mbind', 'set_mempolicy', 'set_mempolicy_home_node'],
  CAP_SYS_PTRACE: ['pidfd_getfd'],
  CAP_SYSLOG: ['syslog'],
};

/** The kernel's keyrings know no namespaces; the others have no use in a container. */
const NEVER = ['keyctl', 'pivot_root', 'signal'];

/** Harmless calls, newer than the file. */
const ALWAYS = [
  'cachestat',
  'futex_requeue',
  'futex_wait',
  'futex_waitv',
  'futex_wake',
  'io_pgetevents',
  'io_pgetevents_time64',
  'map_shadow_stack',
  'vmsplice',
];

const ALLOW = 'SCMP_ACT_ALLOW';
const REFUSE = 'SCMP_ACT_ERRNO';

/** The profile with its rules for the calls above replaced by Docker's. */
export function asStrictAsDocker(file: ProfileFile): ProfileFile {
  const own = new Set([...Object.values(GUARDED).flat(), ...NEVER, ...ALWAYS, 'clone', 'clone3', 'socket']);
  const others = (file.syscalls ?? []).map((rule) => ({
    ...rule,
    names: (rule.names ?? []).filter((name) => !own.has(name)),
  }));
  const kept = others.filter(({ names }) => names.length > 0);
  return { ...file, syscalls: [...kept, ...OWN_RULES] };
}

const ADMIN = { caps: ['CAP_SYS_ADMIN'] };

const OWN_RULES: readonly ProfileRule[] = [
  { names: ALWAYS, action: ALLOW },
  { names: NEVER, action: REFUSE, errnoRet: EPERM },
  ...Object.entries(GUARDED).flatMap(([capability, names]): readonly ProfileRule[] => [
    { names, action: ALLOW, includes: { caps: [capability] } },
    { names, action: REFUSE, errnoRet: EPERM, excludes: { caps: [capability] } },
  ]),
  { names: ['clone', 'clone3'], action: ALLOW, includes: ADMIN },
  {
    names: ['clone'],
    action: ALLOW,
    args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    excludes: ADMIN,
  },
  // Its flags are in memory, where a filter cannot look; C libraries then use clone.
  { names: ['clone3'], action: REFUSE, errnoRet: ENOSYS, excludes: ADMIN },
  {
    names: ['socket'],
    action: ALLOW,
    args: [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }],
  },
  {
    names: ['socket'],
    action: REFUSE,
    errnoRet: EPERM,
    args: [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_EQ' }],
  },
];
