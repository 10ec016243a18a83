import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { ExecWork, GraphClientMount, GraphMount } from '#build/graph/graph.ts';
import type { CacheSharing } from '#dockerfile/instructions/mount.ts';
import {
  type ExecOp,
  MOUNT_BIND,
  MOUNT_CACHE,
  MOUNT_SECRET,
  MOUNT_SSH,
  MOUNT_TMPFS,
  type MountMessage,
} from '#wire/buildkit/ops.ts';
import { inputNumber } from './input-number.ts';

const NETWORKS = ['default', 'host', 'none'] as const;
const SHARING: readonly CacheSharing[] = ['shared', 'private', 'locked'];

/** @throws {EngineError} `invalid` for mounts and networks that are not known */
export function decodeExec({ meta, mounts, network: mode, security, secretenv, devices }: ExecOp): ExecWork {
  const network = NETWORKS[mode];
  if (network === undefined) throw refusal(`network mode ${mode} is not known`);
  return {
    kind: 'exec',
    argv: meta?.args ?? [],
    environment: meta?.env ?? [],
    workingDirectory: meta?.cwd ?? '',
    user: meta?.user ?? '',
    proxies: { ...meta?.proxyEnv },
    extraHosts: (meta?.extraHosts ?? []).map(({ Host, IP }) => `${Host}:${IP}`),
    hostname: meta?.hostname ?? '',
    ulimits: (meta?.ulimit ?? []).map(({ Name: name, Soft: soft, Hard: hard }) => ({ name, soft, hard })),
    cgroupParent: meta?.cgroupParent ?? '',
    validExitCodes: meta?.validExitCodes ?? [],
    mounts: mounts.map(decodeMount),
    secretVariables: secretenv.map(({ ID: id, name, optional: isOptional }) => ({ id, name, isOptional })),
    network,
    isPrivileged: security !== 0,
    needsDevices: devices.length > 0,
  };
}

function decodeMount(mount: MountMessage): GraphMount {
  const { mountType, readonly: readOnly, secret, ssh, tmpfs, cache } = mount;
  const target = posix.join('/', mount.dest);
  const files = { input: inputNumber(mount.input), path: posix.join('/', mount.selector) };
  switch (mountType) {
    case MOUNT_BIND:
      return { kind: 'bind', target, ...files, readOnly, output: inputNumber(mount.output) };
    case MOUNT_CACHE: {
      const sharing = SHARING[cache?.sharing ?? 0] ?? 'shared';
      return { kind: 'cache', target, id: cache?.ID ?? '', sharing, readOnly, ...files };
    }
    case MOUNT_TMPFS:
      return { kind: 'tmpfs', target, sizeBytes: tmpfs?.size ?? 0 };
    case MOUNT_SECRET:
      if (!secret) throw refusal(`the secret at ${target} has no id`);
      return { kind: 'secret', target, ...decodeClientFile(secret) };
    case MOUNT_SSH:
      if (!ssh) throw refusal(`the agent at ${target} has no id`);
      return { kind: 'ssh', target, ...decodeClientFile(ssh) };
    default:
      throw refusal(`mounts of type ${mountType} are not known`);
  }
}

function decodeClientFile({
  ID: id,
  uid,
  gid,
  mode,
  optional: isOptional,
}: NonNullable<MountMessage['secret']>): Omit<GraphClientMount, 'kind' | 'target'> {
  return { id, uid, gid, mode, isOptional };
}

function refusal(why: string): EngineError {
  return new EngineError('invalid', `Cannot run command of a graph: ${why}`);
}
