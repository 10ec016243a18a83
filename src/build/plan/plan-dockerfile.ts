import { EngineError } from '#base/errors.ts';
import type { ImageRecord } from '#image/image-record.ts';
import { hostPlatform, parsePlatform, type Platform } from '#oci/platform.ts';
import type { BaseImage } from '../bases/base-image.ts';
import { type ResolvedBases, resolveStages } from './needed-stages.ts';
import type { BuildContext } from '../contexts/build-context.ts';
import type { BuildRequest } from '../build.ts';
import { ContextNames } from './context-names.ts';
import type { Dockerfile, Range } from '#dockerfile/ast.ts';
import { parseDockerfile } from '#dockerfile/dockerfile.ts';
import { globalScope, type ScopeOptions, StageScope } from '#dockerfile/stages/scopes.ts';
import { buildStageGraph, type ResolvedStage, type StageGraph } from '#dockerfile/stages/stages.ts';
import type { Plan, PlannedImage, PlannedStep } from './plan.ts';
import { scanTargets } from './plan-scans.ts';
import { StagePlanner } from './plan-stage.ts';
import { withImagePlace } from '../progress/step-errors.ts';
import type { Allowed } from './entitlements.ts';

export interface DockerfilePlanner {
  readonly targetPlatform: Platform;
  /**
   * Base images are asked for as they become known, several at once: their triggers may name more.
   *
   * @throws {DockerfileError} `invalid`, and what `resolve` throws
   */
  plan(resolve: (image: BaseImage) => Promise<ImageRecord>): Promise<Plan>;
}

type PlanRequest = Pick<
  BuildRequest,
  | 'dockerfile'
  | 'buildArgs'
  | 'labels'
  | 'target'
  | 'platforms'
  | 'commands'
  | 'namedContexts'
  | 'entitlements'
>;

/** @throws {DockerfileError} `invalid` */
export function planDockerfile(text: string, context: BuildContext, request: PlanRequest): DockerfilePlanner {
  const dockerfile = parseDockerfile(text, request.dockerfile);
  const options = scopeOptions(request);
  const globals = globalScope(dockerfile, options);
  const names = new ContextNames(request.namedContexts ?? {}, context.named);
  const { target } = request;
  const { targetPlatform } = options;
  const graph = buildStageGraph(dockerfile, {
    globals,
    contexts: names,
    ...(target !== undefined && { target }),
  });
  const newScope = (environment: Iterable<readonly [string, string]>) =>
    new StageScope({ dockerfile, globals, buildArgs: options.buildArgs }, environment);
  const { commands, entitlements = [] } = request;
  const shared = {
    file: { dockerfile, graph },
    scope: { ...options, newScope },
    allowed: { commands, entitlements },
  };
  return {
    targetPlatform,
    plan: async (resolve) => {
      const { stages, bases } = await resolveStages({ graph, names, targetPlatform }, (image) => {
        const stages = graph.stages.flatMap(({ stage }) => stage.from.stageName ?? []);
        const place = { source: dockerfile.source, ranges: rangesOf(graph, image.name), stages };
        return withImagePlace(image.name, place, resolve(image));
      });
      return planStages(stages, { ...shared, sources: { context, names, bases } }, request.labels);
    },
  };
}

/** What is known of variables before the file is read. */
export function scopeOptions({
  buildArgs,
  platforms: [platform] = [],
  target,
}: Pick<PlanRequest, 'buildArgs' | 'platforms' | 'target'>): ScopeOptions {
  const given = Object.entries(buildArgs).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  const buildPlatform = hostPlatform();
  const targetPlatform = platform === undefined ? buildPlatform : parsePlatform(platform);
  return { buildArgs: new Map(given), buildPlatform, targetPlatform, targetStage: target ?? '' };
}

/** The first instruction that names an image. */
function rangesOf({ stages }: StageGraph, name: string): readonly Range[] {
  const sources = stages.flatMap(({ base, stage, dependencies }) => [
    { source: base, range: stage.from.range },
    ...dependencies,
  ]);
  const found = sources.find(({ source }) => source.kind === 'external' && source.name === name);
  return found ? [found.range] : [];
}

/** What the stages of one plan share. */
export interface PlannedFile {
  readonly file: { readonly dockerfile: Dockerfile; readonly graph: StageGraph };
  readonly sources: PlanSources;
  readonly scope: PlanScope;
  readonly allowed: Allowed;
}

/** Where the files of stages come from. */
interface PlanSources {
  readonly context: BuildContext;
  readonly names: ContextNames;
  readonly bases: ResolvedBases;
}

/** What the variables of stages begin with. */
interface PlanScope extends ScopeOptions {
  readonly newScope: (environment: Iterable<readonly [string, string]>) => StageScope;
}

/** @param needed each after what it needs; the last is the target */
function planStages(
  needed: readonly ResolvedStage[],
  planned: PlannedFile,
  labels: BuildRequest['labels'],
): Plan {
  const stages = new Map<number, StagePlanner>();
  const steps: PlannedStep[] = [];
  let target: StagePlanner | undefined;
  for (const resolved of needed) {
    target = new StagePlanner(planned, resolved, stages);
    stages.set(resolved.stage.index, target);
    steps.push(...target.plan());
  }
  if (!target) throw new EngineError('internal', 'Cannot plan build: no stage is needed');
  const { context } = planned.sources;
  const { source } = planned.file.dockerfile;
  const result = withLabels(target.image, labels);
  const targets = scanTargets(target, [...stages.values()], context);
  return { source, steps, result, scanTargets: targets, contexts: contextNames(context) };
}

function contextNames({ files, named }: BuildContext): Plan['contexts'] {
  return new Map([...[...named].map(([name, each]) => [each, name] as const), [files, 'context']]);
}

function withLabels(image: PlannedImage, labels: BuildRequest['labels']): PlannedImage {
  if (Object.keys(labels).length === 0) return image;
  return { ...image, config: { ...image.config, Labels: { ...image.config.Labels, ...labels } } };
}
