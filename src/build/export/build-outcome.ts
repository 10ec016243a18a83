import type { Platform } from '#oci/platform.ts';
import { assembleImage } from '../assemble-image.ts';
import type { BuildRun } from '../build-run.ts';
import type { BuildRequest, Vertex } from '../build.ts';
import type { PlannedImage } from '../plan.ts';
import type { BuildOutcome, BuiltImage } from './outcome.ts';
import { parseEpoch } from './source-date-epoch.ts';

/** The plan's result for one platform, with the run that solves it. */
export interface PlatformResult {
  readonly platform: Platform;
  readonly run: BuildRun;
  readonly image: PlannedImage;
}

/** Solves what is not solved yet. @throws {EngineError} `invalid` for a `SOURCE_DATE_EPOCH` that is none */
export async function outcomeOf(
  results: readonly PlatformResult[],
  { platforms = [], buildArgs }: Pick<BuildRequest, 'platforms' | 'buildArgs'>,
): Promise<BuildOutcome> {
  const epoch = parseEpoch(buildArgs['SOURCE_DATE_EPOCH']);
  const images = await Promise.all(results.map(builtImage));
  return { images, isMultiPlatform: platforms.length > 1, ...(epoch !== undefined && { epoch }) };
}

async function builtImage({ platform, run, image }: PlatformResult): Promise<BuiltImage> {
  const { config, layers } = await assembleImage(run, image);
  const base = { layers: baseLayers(image.vertex), history: image.base.history.length };
  return { platform, config, layers, base, attestations: [] };
}

function baseLayers(vertex: Vertex): number {
  return vertex.kind === 'base' ? vertex.layers.length : baseLayers(vertex.parent);
}
