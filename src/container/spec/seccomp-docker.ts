import type { ProfileFile, ProfileRule } from './seccomp-file.ts';

/*
 * The profile of containers-common is made for rootless containers too and so lets every process create user namespaces
 * and mount inside them. Docker's does not, and a container of ours must not be less confined than one of Docker's.
 */

const EPERM = 1;
const ENOSYS = 38;
const AF_VSOCK = 40;
/** The CLONE_NEW… flags, except CLONE_NEWTIME, which clone(2) cannot carry. */
const NAMESPACE_FLAGS = [0x02000000, 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000];
const ALL_NAMESPACES = NAMESPACE_FLAGS.reduce((all, flag) => all | flag);

interface Guarded {
  /** Any of them will do. */
  readonly capabilities: readonly string[];
  readonly names: readonly string[];
}

/** Calls that need a capability anyway in the container's own user namespace. */
const GUARDED: readonly Guarded[] = [
  {
    capabilities: ['CAP_SYS_ADMIN'],
    names: [
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
  },
  { capabilities: ['CAP_SYS_BOOT'], names: ['reboot'] },
  {
    capabilities: ['CAP_SYS_NICE'],
    names: ['get_mempolicy', 'mbind', 'set_mempolicy', 'set_mempolicy_home_node'],
  },
  { capabilities: ['CAP_SYS_PTRACE'], names: ['pidfd_getfd'] },
  { capabilities: ['CAP_SYS_ADMIN', 'CAP_SYSLOG'], names: ['syslog'] },
  { capabilities: ['CAP_SYS_ADMIN', 'CAP_PERFMON'], names: ['perf_event_open'] },
];

/**
 * The kernel's keyrings know no namespaces; io_uring passes by every filter; the others have no use in a container, or
 * none at all any more. Programs are told that they may not, as by Docker; that a call does not exist is said of calls
 * that are newer than the profile.
 */
const NEVER = [
  '_sysctl',
  'add_key',
  'afs_syscall',
  'create_module',
  'get_kernel_syms',
  'getpmsg',
  'io_uring_enter',
  'io_uring_register',
  'io_uring_setup',
  'keyctl',
  'nfsservctl',
  'pivot_root',
  'putpmsg',
  'query_module',
  'request_key',
  'security',
  'signal',
  'tuxcall',
  'vserver',
];

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
  const guarded = GUARDED.flatMap(({ names }) => names);
  const own = new Set([...guarded, ...NEVER, ...ALWAYS, 'clone', 'clone3', 'socket']);
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
  ...GUARDED.flatMap(({ capabilities, names }): readonly ProfileRule[] => [
    ...capabilities.map((capability) => ({ names, action: ALLOW, includes: { caps: [capability] } })),
    { names, action: REFUSE, errnoRet: EPERM, excludes: { caps: capabilities } },
  ]),
  { names: ['clone', 'clone3'], action: ALLOW, includes: ADMIN },
  {
    names: ['clone'],
    action: ALLOW,
    args: [{ index: 0, value: ALL_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    excludes: ADMIN,
  },
  ...NAMESPACE_FLAGS.map(
    (flag): ProfileRule => ({
      names: ['clone'],
      action: REFUSE,
      errnoRet: EPERM,
      args: [{ index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }],
      excludes: ADMIN,
    }),
  ),
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
