/** The work behind each kind of vertex: from the layers below to the one layer it adds. */
import type { ImageLayer } from '#image/image-record.ts';
import type { Lease } from '#store/content.ts';
import type { BuildParts } from './build-parts.ts';
import type { BuildSession } from './build-session.ts';
import { type ExecVertex, StepFailure } from './build.ts';
import { commandConfig } from './command-config.ts';
import type { Operation } from './plan.ts';
import { openRunMounts } from './run-mounts.ts';
import { solveCopy } from './solve-copy.ts';
import type { Sources } from './sources.ts';
import type { StepLog } from './step-log.ts';

export interface VertexWork {
  /** Bottom first. */
  readonly below: readonly ImageLayer[];
  readonly lease: Lease;
  readonly log: StepLog;
  readonly signal: AbortSignal;
  readonly session?: BuildSession;
}

/**
 * Undefined if nothing is changed.
 *
 * @throws {StepFailure} for a command that fails
 */
export async function solveVertex(
  parts: BuildParts,
  vertex: Operation,
  sources: Sources,
  work: VertexWork,
): Promise<ImageLayer | undefined> {
  return vertex.kind === 'exec'
    ? await solveExec(parts, vertex, sources, work)
    : await solveCopy(parts, vertex, sources, work);
}

async function solveExec(
  parts: BuildParts,
  vertex: ExecVertex,
  sources: Sources,
  { below, lease, log, signal, session }: VertexWork,
): Promise<ImageLayer | undefined> {
  await using mounted = await openRunMounts(parts, vertex, { sources, signal, ...(session && { session }) });
  using _permit = await parts.commands.acquire();
  await using run = await parts.containers.runUnlisted({
    layers: below.map(({ diffId }) => diffId),
    config: commandConfig(vertex, mounted.environment),
    hostConfig: vertex.hostConfig,
    mounts: mounted.mounts,
    ...(mounted.mountPoints !== undefined && { mountPoints: mounted.mountPoints }),
    onOutput: (stream, data) => log.write(stream, data),
    signal,
  });
  if (run.exitCode !== 0) throw new StepFailure(vertex.argv.join(' '), run.exitCode);
  return await parts.images.addLayer(await run.diff(), { lease, signal });
}
