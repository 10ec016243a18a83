/** The work behind each kind of vertex: from the layers below to the one layer it adds. */
import { openSync, createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { resolveUser } from '#container/user.ts';
import type { ImageLayer } from '#image/image-record.ts';
import { O_CLOEXEC } from '#linux/constants.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { ownFd } from '#linux/descriptors.ts';
import type { Lease } from '#store/content.ts';
import type { BuildParts } from './build-parts.ts';
import { type CopyVertex, type ExecVertex, StepFailure, type UnpackVertex } from './build.ts';
import { commandConfig } from './command-config.ts';
import type { FileSelection, Owner } from './files/file-jobs.ts';
import { openLayerTree, withWritableRoot } from './layer-tree.ts';
import type { StepLog } from './step-log.ts';

export interface VertexWork {
  /** Bottom first. */
  readonly below: readonly ImageLayer[];
  readonly lease: Lease;
  readonly log: StepLog;
  readonly signal: AbortSignal;
}

/**
 * Undefined if nothing is changed.
 *
 * @throws {StepFailure} for a command that fails
 */
export async function solveExec(
  parts: BuildParts,
  vertex: ExecVertex,
  work: VertexWork,
): Promise<ImageLayer | undefined> {
  const { below, lease, log, signal } = work;
  using _permit = await parts.commands.acquire();
  await using run = await parts.containers.runUnlisted({
    layers: below.map(({ diffId }) => diffId),
    config: commandConfig(vertex),
    hostConfig: vertex.hostConfig,
    onOutput: (stream, data) => log.write(stream, data),
    signal,
  });
  if (run.exitCode !== 0) throw new StepFailure(vertex.argv.join(' '), run.exitCode);
  return await parts.images.addLayer(await run.diff(), { lease, signal });
}

/** @param source of the vertex's files, if it has any */
export async function solveCopy(
  parts: BuildParts,
  vertex: CopyVertex,
  source: Pick<FileSelection, 'source' | 'ignore' | 'ownedByRoot'> | undefined,
  { below, lease, signal }: VertexWork,
): Promise<ImageLayer | undefined> {
  const { files, destination, mode } = vertex;
  const owner = await ownerIn(parts, below, vertex.owner);
  using target = openLayerTree(parts, below);
  const changes = parts.files.copy({
    target: target.tree,
    destination,
    ...(files && source !== undefined && { files: { ...source, paths: files.paths } }),
    ...(owner && { owner }),
    ...(mode !== undefined && { mode }),
  });
  return await parts.images.addLayer(changes, { lease, signal });
}

/** The destination is made where it is missing. */
export async function solveUnpack(
  parts: BuildParts,
  vertex: UnpackVertex,
  { below, lease, signal }: VertexWork,
): Promise<ImageLayer | undefined> {
  const owner = await ownerIn(parts, below, vertex.owner);
  return await withWritableRoot(parts, below, async (id, rootPath) => {
    await parts.files.makeDirectory({ root: rootPath, path: vertex.destination });
    await parts.archive.put(rootPath, vertex.destination, openFile(vertex), {
      noOverwriteDirNonDir: false,
      copyUidGid: owner !== undefined,
      ...(owner && { owner }),
      signal,
    });
    return await parts.images.addLayer(await parts.snapshots.diff(id), { lease, signal });
  });
}

/** Links in the path stay inside the source. */
function openFile({ source, path }: UnpackVertex): Readable {
  using root = ownFd(openDirectory(source.directory));
  using file = ownFd(openInRoot(root.fd, path, O_CLOEXEC));
  return createReadStream('', { fd: openSync(`/proc/self/fd/${file.fd}`, 'r'), highWaterMark: 1 << 18 });
}

/** Names are those of the file system that is written to. @throws {EngineError} `invalid` for unknown ones */
async function ownerIn(
  parts: BuildParts,
  below: readonly ImageLayer[],
  text: string | undefined,
): Promise<Owner | undefined> {
  if (text === undefined) return undefined;
  const numbers = /^(\d+)(?::(\d+))?$/.exec(text);
  if (numbers) return { uid: Number(numbers[1]), gid: Number(numbers[2] ?? numbers[1]) };
  return await withWritableRoot(parts, below, async (_, rootPath) => resolveUser(rootPath, text));
}
