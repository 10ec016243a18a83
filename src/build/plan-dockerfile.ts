import { EngineError } from '#base/errors.ts';
import type { ImageRecord } from '#image/image-record.ts';
import { hostPlatform, matchesPlatform, parsePlatform, type Platform } from '#oci/platform.ts';
import type { BuildContext } from './build-context.ts';
import type { BuildRequest } from './build.ts';
import { parseDockerfile } from './dockerfile/dockerfile.ts';
import { globalScope, type ScopeOptions, StageScope } from './dockerfile/scopes.ts';
import {
  buildStageGraph,
  type ResolvedStage,
  type StageGraph,
  type StageSource,
} from './dockerfile/stages.ts';
import { notYet } from './not-yet.ts';
import type { Plan, PlannedImage, PlannedStep } from './plan.ts';
import { StagePlanner } from './plan-stage.ts';

export interface DockerfilePlanner {
  /** References that the result needs, to be resolved before anything can be planned. */
  readonly baseImages: readonly string[];
  readonly targetPlatform: Platform;
  /** @param bases by reference */
  plan(bases: ReadonlyMap<string, ImageRecord>): Plan;
}

type PlanRequest = Pick<BuildRequest, 'buildArgs' | 'labels' | 'target' | 'platforms' | 'hostConfig'>;

/** @throws {DockerfileError} `invalid`, `not-implemented` for what this builder does not do */
export function planDockerfile(text: string, context: BuildContext, request: PlanRequest): DockerfilePlanner {
  const dockerfile = parseDockerfile(text);
  const options = scopeOptions(request);
  const globals = globalScope(dockerfile, options);
  const { target } = request;
  const graph = buildStageGraph(dockerfile, { globals, ...(target !== undefined && { target }) });
  const needed = graph.needed.flatMap((index) => graph.stages[index] ?? []);
  for (const stage of needed) checkPlatform(stage);
  const newScope = (environment: Iterable<readonly [string, string]>) =>
    new StageScope(dockerfile, globals, options.buildArgs, environment);
  return {
    baseImages: [...new Set(needed.flatMap(externalNames))],
    targetPlatform: options.targetPlatform,
    plan: (bases) => {
      const shared = {
        dockerfile,
        context,
        graph,
        bases,
        newScope,
        ...options,
        hostConfig: request.hostConfig,
      };
      return planStages(needed, shared, request.labels);
    },
  };
}

function scopeOptions({ buildArgs, platforms: [platform] = [], target }: PlanRequest): ScopeOptions {
  const given = Object.entries(buildArgs).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  const buildPlatform = hostPlatform();
  const targetPlatform = platform === undefined ? buildPlatform : parsePlatform(platform);
  if (!matchesPlatform(buildPlatform, targetPlatform))
    throw new EngineError('not-implemented', `Cannot build for platform ${platform}: not this machine's`);
  return { buildArgs: new Map(given), buildPlatform, targetPlatform, targetStage: target ?? '' };
}

function checkPlatform({ platform, stage }: ResolvedStage): void {
  if (platform && !matchesPlatform(hostPlatform(), platform))
    throw notYet('building for another platform', stage.from.range);
}

function externalNames({ base, dependencies }: ResolvedStage): readonly string[] {
  const sources: readonly StageSource[] = [base, ...dependencies.map(({ source }) => source)];
  return sources.flatMap((source) => (source.kind === 'external' ? [source.name] : []));
}

/** What the stages of one plan share. */
export interface PlanParts extends ScopeOptions {
  readonly dockerfile: ReturnType<typeof parseDockerfile>;
  readonly context: BuildContext;
  readonly graph: StageGraph;
  readonly bases: ReadonlyMap<string, ImageRecord>;
  readonly hostConfig: BuildRequest['hostConfig'];
  readonly newScope: (environment: Iterable<readonly [string, string]>) => StageScope;
}

/** @param needed each after what it needs; the last is the target */
function planStages(
  needed: readonly ResolvedStage[],
  parts: PlanParts,
  labels: BuildRequest['labels'],
): Plan {
  const stages = new Map<number, StagePlanner>();
  const steps: PlannedStep[] = [];
  let result: PlannedImage | undefined;
  for (const resolved of needed) {
    const planner = new StagePlanner(parts, resolved, stages);
    stages.set(resolved.stage.index, planner);
    steps.push(...planner.plan());
    result = planner.image;
  }
  if (!result) throw new EngineError('internal', 'Cannot plan build: no stage is needed');
  return { source: parts.dockerfile.source, steps, result: withLabels(result, labels) };
}

function withLabels(image: PlannedImage, labels: BuildRequest['labels']): PlannedImage {
  if (Object.keys(labels).length === 0) return image;
  return { ...image, config: { ...image.config, Labels: { ...image.config.Labels, ...labels } } };
}
