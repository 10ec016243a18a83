import type { RuntimeMount } from '#oci/runtime-spec.ts';
import type { ContainerSpec } from '../container-spec.ts';
import { byDepth, type ResolvedMount } from '../mounts/mounts.ts';

/** Docker's size, where neither the container nor the engine says one. */
export const DEFAULT_SHARED_MEMORY_BYTES = 64 * 2 ** 20;

/** Files of the engine that appear in the container's /etc. */
export interface InjectedFiles {
  readonly hosts: string;
  /** Absent: the file system's own, which keeps what is written to it. */
  readonly hostname?: string;
  readonly resolvConf: string;
}

export interface SpecMountsInput {
  readonly spec: ContainerSpec;
  readonly mounts: readonly ResolvedMount[];
  readonly files: InjectedFiles;
  readonly shmPath?: string;
  readonly initPath?: string;
  readonly initDestination: string;
}

/**
 * The file systems of a container: Docker's standard ones, then everything else, parents first. A mount of the user
 * takes the place of a standard one at the same destination, one at /dev that of all below it.
 */
export function specMounts(input: SpecMountsInput): readonly RuntimeMount[] {
  const taken = new Set(input.mounts.map(({ destination }) => destination));
  const free = ({ destination }: RuntimeMount) =>
    !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/'));
  const standard = [...standardMounts(input.spec.security), ...shmMount(input)].filter(free);
  const others = [...initMount(input), ...input.mounts.map(runtimeMount), ...fileMounts(input).filter(free)];
  return [...standard, ...others.toSorted(byDepth)];
}

function runtimeMount({ destination, type, source, options }: ResolvedMount): RuntimeMount {
  return { destination, type, source, options };
}

const NO_RISK = ['nosuid', 'noexec', 'nodev'] as const;

function standardMounts({ privileged }: ContainerSpec['security']): readonly RuntimeMount[] {
  const readonly = privileged ? [] : ['ro'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: NO_RISK },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...NO_RISK, ...readonly] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [...readonly, ...NO_RISK],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: NO_RISK },
  ];
}

function shmMount(input: SpecMountsInput): readonly RuntimeMount[] {
  const { ipc, sharedMemoryBytes = DEFAULT_SHARED_MEMORY_BYTES } = input.spec.namespaces;
  const destination = '/dev/shm';
  if (ipc === 'none') return [];
  if (input.shmPath !== undefined) {
    return [{ destination, type: 'bind', source: input.shmPath, options: ['rbind', 'rprivate', ...NO_RISK] }];
  }
  const options = [...NO_RISK, 'mode=1777', `size=${sharedMemoryBytes}`];
  return [{ destination, type: 'tmpfs', source: 'shm', options }];
}

function initMount(input: SpecMountsInput): readonly RuntimeMount[] {
  if (!input.spec.process.init || input.initPath === undefined) return [];
  return [
    { destination: input.initDestination, type: 'bind', source: input.initPath, options: ['bind', 'ro'] },
  ];
}

function fileMounts({ files, spec }: SpecMountsInput): readonly RuntimeMount[] {
  const options = ['rbind', ...(spec.root.readOnly ? ['rro'] : []), 'rprivate'];
  return [
    { destination: '/etc/resolv.conf', type: 'bind', source: files.resolvConf, options },
    ...(files.hostname === undefined
      ? []
      : [{ destination: '/etc/hostname', type: 'bind', source: files.hostname, options }]),
    { destination: '/etc/hosts', type: 'bind', source: files.hosts, options },
  ];
}

/**
 * The propagation that the root mount needs for the mounts in it: a shared mount inside a private root would
 * propagate nothing.
 */
export function rootPropagation(mounts: readonly ResolvedMount[]): string | undefined {
  const kinds = new Set(mounts.map(({ propagation }) => propagation?.replace(/^r/, '')));
  if (kinds.has('shared')) return 'shared';
  return kinds.has('slave') ? 'rslave' : undefined;
}
