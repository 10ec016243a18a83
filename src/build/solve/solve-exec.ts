/** Runs the commands of builds. */
import type { Semaphore } from '#base/semaphore.ts';
import type { OwnedContainers } from '#container/engine-containers.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import { StepFailure } from '../step-failure.ts';
import type { ExecVertex } from '../definition/vertex.ts';
import type { LayerIntake } from '#image/owned-images.ts';
import { commandSpec } from './command-spec.ts';
import type { Sources } from './file-sources.ts';
import { type MountWork, openRunMounts } from './run-mounts.ts';
import type { VertexLayers, VertexWork } from './vertex-work.ts';

export interface CommandWork {
  readonly containers: Pick<OwnedContainers, 'runStep'>;
  /** Bounds the commands that run at the same time. */
  readonly commands: Semaphore;
  readonly mounts: MountWork;
  readonly snapshots: Pick<SnapshotStore, 'writeDiff'>;
  readonly images: Pick<LayerIntake, 'addLayerFile'>;
}

/** @throws {StepFailure} for a command that fails, {EngineError} `invalid` for mounts that cannot be */
export async function solveExec(
  work: CommandWork,
  vertex: ExecVertex,
  sources: Sources,
  { below, lease, log, signal, session }: VertexWork,
): Promise<VertexLayers> {
  const { validExitCodes = [0], isThrownAway = false } = vertex;
  const options = { sources, signal, ...(session && { session }) };
  await using mounted = await openRunMounts(work.mounts, vertex, options);
  using _permit = await work.commands.acquire(signal);
  await using run = await work.containers.runStep({
    layers: below.map(({ diffId }) => diffId),
    spec: commandSpec(vertex, mounted.environment),
    mounts: mounted.mounts,
    ...(mounted.mountPoints !== undefined && { mountPoints: mounted.mountPoints }),
    onOutput: (stream, data) => log.write(stream, data),
    signal,
  });
  if (!validExitCodes.includes(run.exitCode)) throw new StepFailure(vertex.argv.join(' '), run.exitCode);
  const layer = isThrownAway
    ? undefined
    : await work.images.addLayerFile((path) => run.writeDiff(path, signal), { lease, signal });
  const outputs = new Map<number, ImageLayer>();
  for (const [number, id] of mounted.states) {
    const fill = (path: string) => work.snapshots.writeDiff(id, path, signal);
    const changed = await work.images.addLayerFile(fill, { lease, signal });
    if (changed) outputs.set(number, changed);
  }
  return { ...(layer && { layer }), outputs };
}
