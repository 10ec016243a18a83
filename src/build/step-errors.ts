import { EngineError } from '#base/errors.ts';
import { StepFailure } from './build.ts';
import { DockerfileError } from './dockerfile/dockerfile-error.ts';
import type { Operation, Plan } from './plan.ts';

/** Errors of a plan's vertices as errors that know the instruction. */
export function stepErrors({
  source,
  steps,
}: Pick<Plan, 'source' | 'steps'>): (vertex: Operation, error: unknown) => unknown {
  return (vertex, error) => {
    const step = steps.find((step) => step.vertex === vertex);
    if (!step) return error;
    const place = { source, ranges: [step.range] };
    if (error instanceof StepFailure) return new StepFailure(error.command, error.exitCode, place);
    if (!(error instanceof EngineError) || error.code !== 'invalid') return error;
    return new DockerfileError(error.message, place.ranges, { source, cause: error });
  };
}
