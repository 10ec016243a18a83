/** The work behind each kind of vertex: from the layers below to the one layer it adds. */
import type { ImageLayer } from '#image/image-record.ts';
import type { Lease } from '#store/content.ts';
import type { BuildParts } from '../build-parts.ts';
import type { BuildSession } from '../session/build-session.ts';
import { StepFailure } from '../build.ts';
import type {
  CopyVertex,
  DiffVertex,
  ExecVertex,
  FilesVertex,
  MergeVertex,
  OutputVertex,
  Solved,
} from '../definition/vertex.ts';
import { commandConfig } from './command-config.ts';
import type { Operation } from '../plan/plan.ts';
import { openRunMounts } from './run-mounts.ts';
import { solveCopy } from './solve-copy.ts';
import { solveDiff } from './solve-diff.ts';
import { solveFiles } from './solve-files.ts';
import type { Sources } from './file-sources.ts';
import type { StepLog } from './step-log.ts';

export interface VertexWork {
  /** Bottom first. */
  readonly below: readonly ImageLayer[];
  readonly lease: Lease;
  readonly log: StepLog;
  readonly signal: AbortSignal;
  readonly session?: BuildSession;
}

/** Merges have nothing to solve, and outputs are solved with their command. */
export type SolvedAlone = Exclude<Operation, MergeVertex | OutputVertex>;

/** What a vertex has changed; each layer is absent where that is nothing. */
export type VertexLayers = Pick<Solved, 'layer' | 'outputs'>;

/** @throws {StepFailure} for a command that fails */
export async function solveVertex(
  parts: BuildParts,
  vertex: SolvedAlone,
  sources: Sources,
  work: VertexWork,
): Promise<VertexLayers> {
  if (vertex.kind === 'exec') return await solveExec(parts, vertex, sources, work);
  const layer = await solveChanges(parts, vertex, sources, work);
  return layer ? { layer } : {};
}

async function solveChanges(
  parts: BuildParts,
  vertex: CopyVertex | FilesVertex | DiffVertex,
  sources: Sources,
  work: VertexWork,
): Promise<ImageLayer | undefined> {
  switch (vertex.kind) {
    case 'copy':
      return await solveCopy(parts, vertex, sources, work);
    case 'files':
      return await solveFiles(parts, vertex, sources, work);
    default:
      return await solveDiff(parts, vertex, sources, work);
  }
}

async function solveExec(
  parts: BuildParts,
  vertex: ExecVertex,
  sources: Sources,
  { below, lease, log, signal, session }: VertexWork,
): Promise<VertexLayers> {
  const { validExitCodes = [0], isThrownAway = false } = vertex;
  await using mounted = await openRunMounts(parts, vertex, { sources, signal, ...(session && { session }) });
  using _permit = await parts.commands.acquire();
  await using run = await parts.containers.runUnlisted({
    layers: below.map(({ diffId }) => diffId),
    ...commandConfig(vertex, mounted.environment),
    mounts: mounted.mounts,
    ...(mounted.mountPoints !== undefined && { mountPoints: mounted.mountPoints }),
    onOutput: (stream, data) => log.write(stream, data),
    signal,
  });
  if (!validExitCodes.includes(run.exitCode)) throw new StepFailure(vertex.argv.join(' '), run.exitCode);
  const layer = isThrownAway ? undefined : await parts.images.addLayer(await run.diff(), { lease, signal });
  const outputs = new Map<number, ImageLayer>();
  for (const [number, id] of mounted.states) {
    const changed = await parts.images.addLayer(await parts.snapshots.diff(id), { lease, signal });
    if (changed) outputs.set(number, changed);
  }
  return { ...(layer && { layer }), outputs };
}
