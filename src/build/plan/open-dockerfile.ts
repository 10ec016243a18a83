import { openInputs } from '../contexts/build-context.ts';
import type { BaseImage } from '../bases/base-image.ts';
import type { ContextWork } from '../contexts/context-source.ts';
import type { BuildProgress } from '../progress/build-progress.ts';
import type { BuildRequest } from '../build.ts';
import { parseDockerfile } from '#dockerfile/dockerfile.ts';
import { unusedBuildArgs } from '#dockerfile/stages/scopes.ts';
import { lintWarnings } from './check-dockerfile.ts';
import type { Operation, Plan } from './plan.ts';
import { planPlatforms } from './plan-platforms.ts';
import type { BuildPlan } from './build-plan.ts';
import type { BaseImages } from '../bases/base-images.ts';
import { stepPlaces } from '../progress/step-errors.ts';

export interface DockerfileWorkOptions {
  readonly bases: BaseImages;
  readonly progress: BuildProgress;
}

/** A Dockerfile, made ready to be solved. @throws {EngineError} as {@link openInputs} and `planPlatforms` do */
export async function openDockerfile(
  work: ContextWork,
  request: BuildRequest,
  { bases, progress }: DockerfileWorkOptions,
): Promise<BuildPlan> {
  await using undo = new AsyncDisposableStack();
  const inputs = undo.use(await openInputs(work, request, (name, work) => progress.during(name, work)));
  const unused = unusedArguments(inputs.text, request);
  if (unused.length > 0) progress.step({ type: 'unused-arguments', names: unused });
  const resolve = async (image: BaseImage) => await bases.get(image);
  const warn = () => {
    for (const warning of lintWarnings(inputs, request, (image) => bases.known(image)))
      progress.warn(warning);
  };
  const planned = planPlatforms(inputs.text, inputs.context, request, resolve);
  const { plans, combined } = await planned.finally(warn);
  const kept = undo.move();
  return {
    plans,
    steps: combined.steps,
    receive: (options) => {
      const needed = plans.map(({ plan }) => plan);
      return inputs.receive(needed, options);
    },
    declare: (to) => to.declare(combined),
    isFresh: verticesOf(combined.steps, request.noCacheStages ?? []),
    placeOf: stepPlaces(combined),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function unusedArguments(
  text: string,
  { dockerfile, buildArgs }: Pick<BuildRequest, 'dockerfile' | 'buildArgs'>,
): readonly string[] {
  const given = Object.entries(buildArgs).map(([name, value]) => [name, value ?? ''] as const);
  return given.length === 0 ? [] : unusedBuildArgs(parseDockerfile(text, dockerfile), new Map(given));
}

/** Tells the vertices of stages by the stages' names, in any case. */
function verticesOf(steps: Plan['steps'], stages: readonly string[]): (vertex: Operation) => boolean {
  const names = new Set(stages.map((name) => name.toLowerCase()));
  const members = steps.filter(({ stage }) => names.has(stage.displayName));
  const vertices = new Set(members.map(({ vertex }) => vertex));
  return (vertex) => vertices.has(vertex);
}
