import { parseBoolean } from '#base/booleans.ts';
import { assembleImage } from './assemble-image.ts';
import type { Solver } from '../solve/solver.ts';
import type { BuildRequest } from '../build.ts';
import type { Vertex } from '../definition/vertex.ts';
import type { PlatformPlan } from '../plan/plan-platforms.ts';
import type { BuildOutcome, BuiltImage } from './outcome.ts';
import { parseEpoch } from './source-date-epoch.ts';

/** Solves what is not solved yet. @throws {EngineError} `invalid` for a `SOURCE_DATE_EPOCH` that is none */
export async function outcomeOf(
  solver: Solver,
  plans: readonly PlatformPlan[],
  { platforms = [], buildArgs }: Pick<BuildRequest, 'platforms' | 'buildArgs'>,
): Promise<BuildOutcome> {
  const epoch = parseEpoch(buildArgs['SOURCE_DATE_EPOCH']);
  const images = await Promise.all(plans.map((plan) => builtImage(solver, plan)));
  const isMultiPlatform = platforms.length > 1 || parseBoolean(buildArgs['BUILDKIT_MULTI_PLATFORM']);
  return { images, isMultiPlatform, ...(epoch !== undefined && { epoch }) };
}

async function builtImage(solver: Solver, { platform, plan }: PlatformPlan): Promise<BuiltImage> {
  const { result: image } = plan;
  const { config, layers } = await assembleImage(solver, image);
  const base = { layers: baseLayers(image.vertex), history: image.base.history.length };
  return { platform, config, layers, base, attestations: [] };
}

function baseLayers(vertex: Vertex): number {
  return vertex.kind === 'base' ? vertex.layers.length : baseLayers(vertex.parent);
}
