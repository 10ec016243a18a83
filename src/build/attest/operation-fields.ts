/** What operations of BuildKit's graphs say of themselves (solver/pb/ops.proto of moby/buildkit, in JSON). */
import { unreachable } from '#base/unreachable.ts';
import { type CommandSettings, DEFAULT_SHARED_MEMORY_BYTES } from '../definition/command-settings.ts';
import type { CopyVertex, ExecVertex } from '../definition/vertex.ts';
import type { ExecMount, SecretMount, SshMount } from '../definition/exec-mount.ts';

/** BuildKit's number for no input: an empty file system. */
export const NONE = -1;
/** BuildKit's number for a time or mode that stays as it is. */
const KEPT = -1;
const EXECUTABLE = 0o755;
const MOUNT_TYPES: Readonly<Record<ExecMount['kind'], number>> = {
  bind: 0,
  state: 0,
  script: 0,
  secret: 1,
  ssh: 2,
  cache: 3,
  tmpfs: 4,
};

export function copyAction(
  { destination: dest, owner, mode }: CopyVertex,
  { exclude = [], unpack = false }: CopyVertex['files'][number],
  src: string,
): object {
  const copy = {
    src: src.startsWith('/') ? src : `/${src}`,
    dest,
    ...(owner !== undefined && { owner: ownerFields(owner) }),
    ...modeFields(mode),
    followSymlink: true,
    dirCopyContents: true,
    ...(unpack && { attemptUnpackDockerCompatibility: true }),
    createDestPath: true,
    allowWildcard: true,
    allowEmptyWildcard: true,
    timestamp: KEPT,
    ...(exclude.length > 0 && { excludePatterns: exclude }),
  };
  return { copy };
}

export function makeDirectory({ destination, owner }: CopyVertex): object {
  return {
    path: destination.replace(/(.)\/$/, '$1'),
    mode: EXECUTABLE,
    makeParents: true,
    timestamp: KEPT,
    ...(owner !== undefined && { owner: ownerFields(owner) }),
  };
}

/** Octal digits, or changes as chmod(1) has them. */
function modeFields(mode: CopyVertex['mode']): object {
  if (mode === undefined || typeof mode === 'number') return { mode: mode ?? KEPT };
  return /^[0-7]+$/.test(mode) ? { mode: Number.parseInt(mode, 8) } : { mode: KEPT, modeStr: mode };
}

/** `user[:group]`; names are looked up in what is copied into. */
function ownerFields(owner: string): object {
  const [user = '', group] = owner.split(':');
  return { user: ownerField(user), ...(group !== undefined && { group: ownerField(group) }) };
}

function ownerField(text: string): object {
  const User = /^\d+$/.test(text) ? { byID: Number(text) } : { byName: { name: text, input: 0 } };
  return { User };
}

export function limitFields({ settings, ulimits = settings.ulimits }: ExecVertex): object {
  const extraHosts = (settings.extraHosts ?? []).map((text) => {
    const [Host = ''] = text.split(':', 1);
    return { Host, IP: text.slice(Host.length + 1) };
  });
  const ulimit = ulimits.map(({ name: Name, soft: Soft, hard: Hard }) => ({ Name, Soft, Hard }));
  return { ...(extraHosts.length > 0 && { extraHosts }), ...(ulimit.length > 0 && { ulimit }) };
}

export function sharedMemory({ sharedMemoryBytes: size }: CommandSettings): readonly object[] {
  if (size === DEFAULT_SHARED_MEMORY_BYTES) return [];
  return [{ input: NONE, dest: '/dev/shm', output: NONE, mountType: 4, TmpfsOpt: { size } }];
}

/** What the client gives comes last. */
export function sortedMounts(mounts: readonly ExecMount[] = []): readonly ExecMount[] {
  return mounts.toSorted((a, b) => rankOf(a) - rankOf(b));
}

function rankOf({ kind }: ExecMount): number {
  return ['secret', 'ssh'].indexOf(kind);
}

export function mountFields(mount: ExecMount): object {
  const { target: dest = '' } = mount;
  const mountType = MOUNT_TYPES[mount.kind];
  switch (mount.kind) {
    case 'bind':
      return { dest, selector: mount.path, ...(!mount.writable && { readonly: true }) };
    case 'secret':
      return { input: 0, dest, output: 0, mountType, secretOpt: clientFields(mount) };
    case 'ssh':
      return { input: 0, dest, output: 0, mountType, SSHOpt: clientFields(mount) };
    case 'cache':
      return { input: NONE, dest, output: NONE, mountType, cacheOpt: { ID: mount.id } };
    case 'tmpfs': {
      const { sizeBytes: size } = mount;
      return { input: NONE, dest, output: NONE, mountType, TmpfsOpt: size > 0 ? { size } : {} };
    }
    case 'state':
    case 'script':
      return { dest };
    default:
      return unreachable(mount);
  }
}

function clientFields({ id, owner, required }: SecretMount | SshMount): object {
  return { ID: id, mode: owner.mode, ...(!required && { optional: true }) };
}
