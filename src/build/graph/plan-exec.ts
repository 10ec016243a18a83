/** Commands of graphs as vertices. */
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { unreachable } from '#base/unreachable.ts';
import type { BuildRequest } from '../build.ts';
import type { CommandSettings } from '../definition/command-settings.ts';
import type { ExecMount } from '../definition/exec-mount.ts';
import type { ExecVertex, FileSource, Vertex } from '../definition/vertex.ts';
import { withPath } from '../plan/default-path.ts';
import { allowedSettings } from '../plan/entitlements.ts';
import type {
  ExecWork,
  GraphBindMount,
  GraphClientMount,
  GraphMount,
  InputNumber,
  SecretVariable,
} from './graph.ts';

export interface ExecPlace {
  readonly request: Pick<BuildRequest, 'commands' | 'entitlements'>;
  /** `OS/ARCHITECTURE[/VARIANT]`, where it is not this machine's. */
  readonly platform: string | undefined;
  /** Inputs by their numbers. @throws {EngineError} `invalid` for one that is not there */
  readonly vertex: (input: InputNumber) => Vertex;
  readonly files: (input: InputNumber) => FileSource;
}

/** A command, and what becomes of it. */
export interface PlannedExec {
  readonly vertex: ExecVertex;
  readonly outputs: ReadonlyMap<number, Vertex>;
}

/** @throws {EngineError} `invalid` for what cannot be, `not-implemented` for devices */
export function planExec(work: ExecWork, place: ExecPlace): PlannedExec {
  if (work.argv.length === 0) throw refusal('it has no arguments');
  if (work.needsDevices)
    throw new EngineError('not-implemented', 'Cannot run command: devices (CDI) are not given to builds');
  const mounts = work.mounts.toSorted((a, b) => depth(a.target) - depth(b.target));
  const root = rootOf(mounts);
  const others = mounts.filter((mount) => mount !== root);
  const vertex = vertexOf(work, root, { ...place, others });
  const outputs = mounts.flatMap((mount) =>
    mount.kind === 'bind' && mount.output !== undefined
      ? [[mount.output, outputOf(mount, mount.output, { root, vertex, place })] as const]
      : [],
  );
  return { vertex, outputs: new Map(outputs) };
}

/** @param mounts the shallowest first @throws {EngineError} `invalid` if none or several can be the root */
function rootOf(mounts: readonly GraphMount[]): GraphBindMount {
  const [root, another] = mounts.filter(({ target }) => target === '/');
  if (root?.kind !== 'bind') throw refusal('nothing is mounted as its root');
  if (root.path !== '/') throw refusal('a part of a file system cannot be its root');
  if (another) throw refusal('it has more than one root');
  return root;
}

function vertexOf(
  work: ExecWork,
  root: GraphBindMount,
  place: ExecPlace & { readonly others: readonly GraphMount[] },
): ExecVertex {
  const { hostname, validExitCodes, secretVariables } = work;
  const isKept = !root.readOnly && root.output !== undefined;
  const planned = [
    ...place.others.map((mount) => planMount(mount, place)),
    ...secretVariables.map(secretVariable),
  ];
  return {
    kind: 'exec',
    parent: place.vertex(root.input),
    argv: work.argv,
    env: withPath({ Env: work.environment }).Env ?? [],
    proxies: proxyVariables(work.proxies),
    workingDirectory: posix.join('/', work.workingDirectory),
    user: work.user,
    settings: settingsOf(work, place),
    ...(work.ulimits.length > 0 && { ulimits: work.ulimits }),
    ...(root.readOnly && { readOnlyRoot: true }),
    ...(planned.length > 0 && { mounts: planned }),
    ...(place.platform !== undefined && { platform: place.platform }),
    ...(hostname !== '' && { hostname }),
    ...(validExitCodes.length > 0 && { validExitCodes }),
    ...(!isKept && { isThrownAway: true }),
  };
}

function outputOf(
  mount: GraphBindMount,
  number: number,
  exec: { readonly root: GraphBindMount; readonly vertex: ExecVertex; readonly place: ExecPlace },
): Vertex {
  const input = exec.place.vertex(mount.input);
  if (mount.readOnly) return input;
  return mount === exec.root ? exec.vertex : { kind: 'output', parent: input, of: exec.vertex, number };
}

function planMount(mount: GraphMount, place: ExecPlace): ExecMount {
  const { target } = mount;
  switch (mount.kind) {
    case 'bind': {
      const { input, path, readOnly, output } = mount;
      if (!readOnly && output !== undefined)
        return { kind: 'state', target, source: place.vertex(input), path, number: output };
      return { kind: 'bind', target, source: place.files(input), path, writable: !readOnly };
    }
    case 'cache': {
      const { input, path, id, sharing, readOnly } = mount;
      const initial = input !== undefined && { initial: { source: place.files(input), path } };
      return { kind: 'cache', target, id: id || target, sharing, readOnly, ...initial };
    }
    case 'tmpfs':
      return { kind: 'tmpfs', target, sizeBytes: mount.sizeBytes };
    case 'secret':
      return { kind: 'secret', ...fileOf(mount, mount.id), target };
    case 'ssh':
      return { kind: 'ssh', ...fileOf(mount, mount.id || 'default'), target };
    default:
      return unreachable(mount);
  }
}

function fileOf({ uid, gid, mode, isOptional }: GraphClientMount, id: string) {
  return { id, required: !isOptional, owner: { uid, gid, mode } };
}

function secretVariable({ id, name, isOptional }: SecretVariable): ExecMount {
  const owner = { uid: 0, gid: 0, mode: 0o400 };
  return { kind: 'secret', id, environment: name, required: !isOptional, owner };
}

function settingsOf(work: ExecWork, { request }: ExecPlace): CommandSettings {
  const { extraHosts, cgroupParent, network } = work;
  const wanted = { network, security: work.isPrivileged ? 'insecure' : 'sandbox' } as const;
  const allowed = allowedSettings(wanted, { ...request, entitlements: request.entitlements ?? [] });
  return {
    ...allowed,
    ...(extraHosts.length > 0 && { extraHosts: [...(allowed.extraHosts ?? []), ...extraHosts] }),
    ...(cgroupParent !== '' && { limits: { ...allowed.limits, cgroupParent } }),
  };
}

/** In both spellings, as programs want one or the other. */
function proxyVariables(proxies: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(proxies).flatMap(([name, value]) =>
    value === '' ? [] : [`${name.toUpperCase()}=${value}`, `${name}=${value}`],
  );
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length;
}

function refusal(why: string): EngineError {
  return new EngineError('invalid', `Cannot run command of a graph: ${why}`);
}
