/** `RUN --mount` as what a command mounts. */
import { unreachable } from '#base/unreachable.ts';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { FileSource } from '../definition/vertex.ts';
import type { FileOwner, MountOptions } from '#dockerfile/instructions/mount.ts';
import type { ExecMount, MountOwner } from '../definition/exec-mount.ts';

export interface MountPlace {
  readonly workingDirectory: string;
  /** What a name stands for; undefined: the context. */
  readonly sourceOf: (from: string | undefined) => FileSource;
}

/** BuildKit's places. */
const SECRETS = '/run/secrets';
const AGENT = '/run/buildkit/ssh_agent';

/** @throws {EngineError} `invalid` for targets that cannot be */
export function planMounts(options: readonly MountOptions[], place: MountPlace): readonly ExecMount[] {
  let agents = 0;
  return options.map((option): ExecMount => {
    switch (option.type) {
      case 'bind':
        return {
          kind: 'bind',
          target: targetOf(option.target, place),
          source: place.sourceOf(option.from),
          path: posix.join('/', option.source),
          writable: !option.readOnly,
        };
      case 'cache':
        return planCache(option, place);
      case 'tmpfs':
        return { kind: 'tmpfs', target: targetOf(option.target, place), sizeBytes: option.sizeBytes };
      case 'secret':
        return planSecret(option, place);
      case 'ssh': {
        const target = option.target === '' ? `${AGENT}.${agents++}` : targetOf(option.target, place);
        const { required, id } = option;
        return { kind: 'ssh', id: id || 'default', target, required, owner: ownerOf(option, 0o600) };
      }
      default:
        return unreachable(option);
    }
  });
}

function planCache(option: Extract<MountOptions, { readonly type: 'cache' }>, place: MountPlace): ExecMount {
  const { from, source, sharing, readOnly, uid, gid, mode } = option;
  const path = posix.join('/', source);
  const isOwned = path === '/' && (uid ?? gid ?? mode) !== undefined;
  return {
    kind: 'cache',
    target: targetOf(option.target, place),
    id: option.id || cleanPath(option.target),
    sharing,
    readOnly,
    ...(from !== undefined && { initial: { source: place.sourceOf(from), path } }),
    ...(isOwned && { owner: ownerOf(option, 0o755) }),
  };
}

function planSecret(
  option: Extract<MountOptions, { readonly type: 'secret' }>,
  place: MountPlace,
): ExecMount {
  const { id, required, environment } = option;
  const hasFile = option.target !== '' || environment === undefined;
  const target = option.target === '' ? `${SECRETS}/${posix.basename(id)}` : targetOf(option.target, place);
  return {
    kind: 'secret',
    id,
    required,
    ...(hasFile && { target }),
    ...(environment !== undefined && { environment: environment || id }),
    owner: ownerOf(option, 0o400),
  };
}

function ownerOf({ uid = 0, gid = 0, mode }: FileOwner, defaultMode: number): MountOwner {
  return { uid, gid, mode: mode ?? defaultMode };
}

/** @throws {EngineError} `invalid`, with BuildKit's words */
function targetOf(text: string, { workingDirectory }: MountPlace): string {
  const target = posix.resolve(workingDirectory, text);
  if (target === '/') throw new EngineError('invalid', `invalid mount target "${text || '/'}"`);
  return target;
}

/** Go's path.Clean. */
function cleanPath(path: string): string {
  const normal = posix.normalize(path || '.');
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
