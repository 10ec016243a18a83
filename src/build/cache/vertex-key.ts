import { unreachable } from '#base/unreachable.ts';
import { createHash } from 'node:crypto';
import type { ImageLayer } from '#image/image-record.ts';
import { networkName } from '../definition/command-settings.ts';
import type { CopyVertex, DiffVertex, ExecVertex, FilesVertex } from '../definition/vertex.ts';
import type { ExecMount } from '../definition/exec-mount.ts';
import type { FileAction } from '../definition/file-action.ts';
import { ownerNumbers } from '../solve/solve-copy.ts';

/** Merges have nothing to be found, and outputs are found with their command: see {@link outputKey}. */
export type KeyedVertex = CopyVertex | DiffVertex | ExecVertex | FilesVertex;

/**
 * What the cache knows a vertex by: the layers it stands on, what it does, and the checksum of the files it takes.
 * Equal keys give equal results, as far as commands do.
 */
export function vertexKey(vertex: KeyedVertex, below: readonly ImageLayer[], checksum: string): string {
  const layers = standsAlone(vertex) ? 'any' : below.map(({ diffId }) => diffId);
  const parts = [layers, vertex.kind, checksum, ownParts(vertex)];
  return hashOf(parts);
}

/** The key of what a command leaves in one of its mounts. @param key the command's */
export function outputKey(key: string, number: number): string {
  return hashOf([key, 'output', number]);
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Names of owners mean what they mean in the parent. */
function standsAlone(vertex: KeyedVertex): boolean {
  if (vertex.kind !== 'copy' || !vertex.isLinked) return false;
  return vertex.owner === undefined || ownerNumbers(vertex.owner) !== undefined;
}

function ownParts(vertex: KeyedVertex): readonly unknown[] {
  switch (vertex.kind) {
    case 'exec':
      return execParts(vertex);
    case 'copy':
      return copyParts(vertex);
    case 'files':
      return vertex.actions.map(actionParts);
    case 'diff':
      return [];
    default:
      return unreachable(vertex);
  }
}

function execParts(vertex: ExecVertex): readonly unknown[] {
  const { argv, env, workingDirectory, user, settings, mounts = [], platform, hostname } = vertex;
  const { network, extraHosts = null, security, sharedMemoryBytes: ShmSize } = settings;
  const { validExitCodes, isThrownAway } = vertex;
  const run = [argv, env, workingDirectory, user, networkName(network), extraHosts];
  const more = {
    mounts: mounts.map(mountParts),
    platform,
    ...(security.privileged && { Privileged: true }),
    ...(vertex.readOnlyRoot && { ReadonlyRootfs: true }),
    hostname,
    ShmSize,
    Ulimits: ulimitParts(vertex),
    validExitCodes,
    isThrownAway,
  };
  return [...run, more];
}

/** Keys of former versions hold: the order of fields differs with where the limits come from. */
function ulimitParts({ ulimits, settings }: ExecVertex): readonly object[] {
  if (ulimits) return ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }));
  return settings.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft }));
}

function copyParts({ destination, owner, mode, files, isLinked }: CopyVertex): readonly unknown[] {
  const taken = files.map(({ paths, withParents, unpack }) => [paths.length, withParents, unpack]);
  return [taken, destination, owner, mode, isLinked];
}

/** Neither what caches hold nor what secrets are; contents of sources are in the checksum. */
function mountParts(mount: ExecMount): unknown {
  if (mount.kind === 'bind' || mount.kind === 'state') return { ...mount, source: undefined };
  if (mount.kind === 'cache') return { ...mount, initial: mount.initial?.path };
  return mount;
}

function actionParts(action: FileAction): unknown {
  if (action.kind === 'remove') return action;
  const made = { owner: action.owner?.text, modifiedNs: action.modifiedNs?.toString() };
  if (action.kind === 'make-file')
    return { ...action, ...made, data: createHash('sha256').update(action.data).digest('hex') };
  if (action.kind !== 'copy') return { ...action, ...made };
  const { source: _, ...files } = action.files;
  return { ...action, ...made, files };
}
