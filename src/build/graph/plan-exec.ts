/** Commands of graphs as vertices. */
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { HostConfig } from '#wire/container.ts';
import {
  type ExecOp,
  MOUNT_BIND,
  MOUNT_CACHE,
  MOUNT_SECRET,
  MOUNT_SSH,
  MOUNT_TMPFS,
  type MountMessage,
  NONE,
} from '#wire/buildkit/ops.ts';
import { allowedHostConfig } from '../plan/entitlements.ts';
import type { BuildRequest } from '../build.ts';
import type { ExecVertex, FileSource, Vertex } from '../definition/vertex.ts';
import type { CacheSharing } from '#dockerfile/instructions/mount.ts';
import type { ExecMount } from '../definition/exec-mount.ts';
import { withPath } from '../plan/default-path.ts';

export interface ExecPlace {
  readonly request: Pick<BuildRequest, 'hostConfig' | 'entitlements'>;
  /** `OS/ARCHITECTURE[/VARIANT]`, where it is not this machine's. */
  readonly platform: string | undefined;
  /** Inputs by their numbers; nothing where there is none. @throws {EngineError} `invalid` */
  readonly vertex: (input: number) => Vertex;
  readonly files: (input: number) => FileSource;
}

/** A command, and what becomes of it. */
export interface PlannedExec {
  readonly vertex: ExecVertex;
  /** By their numbers. */
  readonly outputs: ReadonlyMap<number, Vertex>;
}

/** @throws {EngineError} `invalid` for what cannot be, `not-implemented` for devices */
export function planExec(op: ExecOp, place: ExecPlace): PlannedExec {
  const { meta } = op;
  if (!meta || meta.args.length === 0) throw refusal('it has no arguments');
  if (op.devices.length > 0)
    throw new EngineError('not-implemented', 'Cannot run command: devices (CDI) are not given to builds');
  const mounts = op.mounts.toSorted((a, b) => depth(a.dest) - depth(b.dest));
  const root = mounts.find(({ dest }) => posix.join('/', dest) === '/');
  if (!root || root.mountType !== MOUNT_BIND) throw refusal('nothing is mounted as its root');
  if (posix.join('/', root.selector) !== '/') throw refusal('a part of a file system cannot be its root');
  const others = mounts.filter((mount) => mount !== root);
  if (others.some(({ dest }) => posix.join('/', dest) === '/')) throw refusal('it has more than one root');
  const isKept = !root.readonly && root.output !== NONE;
  const planned = [...others.map((mount) => planMount(mount, place)), ...op.secretenv.map(secretVariable)];
  const vertex: ExecVertex = {
    kind: 'exec',
    parent: place.vertex(root.input),
    argv: meta.args,
    env: withPath({ Env: meta.env }).Env ?? [],
    proxies: proxyVariables(meta.proxyEnv ?? {}),
    workingDirectory: posix.join('/', meta.cwd),
    user: meta.user,
    hostConfig: hostConfigOf(op, root, place),
    ...(planned.length > 0 && { mounts: planned }),
    ...(place.platform !== undefined && { platform: place.platform }),
    ...(meta.hostname !== '' && { hostname: meta.hostname }),
    ...(meta.validExitCodes.length > 0 && { validExitCodes: meta.validExitCodes }),
    ...(!isKept && { isThrownAway: true }),
  };
  const outputs = mounts
    .filter(({ output, mountType }) => output !== NONE && mountType === MOUNT_BIND)
    .map((mount) => [mount.output, outputOf(mount, root, vertex, place)] as const);
  return { vertex, outputs: new Map(outputs) };
}

function outputOf(mount: MountMessage, root: MountMessage, vertex: ExecVertex, place: ExecPlace): Vertex {
  const input = place.vertex(mount.input);
  if (mount.readonly) return input;
  return mount === root ? vertex : { kind: 'output', parent: input, of: vertex, number: mount.output };
}

function planMount(mount: MountMessage, place: ExecPlace): ExecMount {
  const { input, selector, dest, output, readonly, mountType, tmpfs, cache, secret, ssh } = mount;
  const target = posix.join('/', dest);
  const path = posix.join('/', selector);
  switch (mountType) {
    case MOUNT_BIND:
      if (!readonly && output !== NONE)
        return { kind: 'state', target, source: place.vertex(input), path, number: output };
      return { kind: 'bind', target, source: place.files(input), path, writable: !readonly };
    case MOUNT_CACHE:
      return {
        kind: 'cache',
        target,
        id: cache?.ID || target,
        sharing: SHARING[cache?.sharing ?? 0] ?? 'shared',
        readOnly: readonly,
        ...(input !== NONE && { initial: { source: place.files(input), path } }),
      };
    case MOUNT_TMPFS:
      return { kind: 'tmpfs', target, sizeBytes: tmpfs?.size ?? 0 };
    case MOUNT_SECRET:
      if (!secret) throw refusal(`the secret at ${target} has no id`);
      return { kind: 'secret', ...fileOf(secret, secret.ID), target };
    case MOUNT_SSH:
      if (!ssh) throw refusal(`the agent at ${target} has no id`);
      return { kind: 'ssh', ...fileOf(ssh, ssh.ID || 'default'), target };
    default:
      throw refusal(`mounts of type ${mountType} are not known`);
  }
}

const SHARING: readonly CacheSharing[] = ['shared', 'private', 'locked'];

function fileOf({ uid, gid, mode, optional }: NonNullable<MountMessage['secret']>, id: string) {
  return { id, required: !optional, owner: { uid, gid, mode } };
}

function secretVariable({ ID, name, optional }: ExecOp['secretenv'][number]): ExecMount {
  const owner = { uid: 0, gid: 0, mode: 0o400 };
  return { kind: 'secret', id: ID, environment: name, required: !optional, owner };
}

const NETWORKS = ['default', 'host', 'none'] as const;

function hostConfigOf(
  { meta, network, security }: ExecOp,
  root: MountMessage,
  { request }: ExecPlace,
): HostConfig {
  const { extraHosts = [], ulimit = [], cgroupParent = '' } = meta ?? {};
  const mode = NETWORKS[network];
  if (mode === undefined) throw refusal(`network mode ${network} is not known`);
  const wanted = { network: mode, security: security === 0 ? 'sandbox' : 'insecure' } as const;
  const allowed = allowedHostConfig(wanted, { ...request, entitlements: request.entitlements ?? [] });
  const hosts = extraHosts.map(({ Host, IP }) => `${Host}:${IP}`);
  return {
    ...allowed,
    ...(hosts.length > 0 && { ExtraHosts: [...(allowed.ExtraHosts ?? []), ...hosts] }),
    ...(ulimit.length > 0 && { Ulimits: ulimit }),
    ...(cgroupParent !== '' && { CgroupParent: cgroupParent }),
    ...(root.readonly && { ReadonlyRootfs: true }),
  };
}

/** In both spellings, as programs want one or the other. */
function proxyVariables(proxies: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(proxies).flatMap(([name, value]) =>
    value === '' ? [] : [`${name.toUpperCase()}=${value}`, `${name}=${value}`],
  );
}

function depth(path: string): number {
  return posix.join('/', path).split('/').filter(Boolean).length;
}

function refusal(why: string): EngineError {
  return new EngineError('invalid', `Cannot run command of a graph: ${why}`);
}
