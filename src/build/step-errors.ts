import { EngineError, isEngineError } from '#base/errors.ts';
import { type StepPlace, StepFailure } from './build.ts';
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

/** A base image that cannot be had, with the instructions that ask for it. */
export class BaseImageFailure extends EngineError {
  readonly image: string;
  readonly source: StepPlace['source'];
  readonly ranges: StepPlace['ranges'];

  constructor(image: string, error: EngineError, { source, ranges }: StepPlace) {
    super(error.code, error.message, { cause: error });
    this.image = image;
    this.source = source;
    this.ranges = ranges;
  }
}

export async function withImagePlace<T>(image: string, place: StepPlace, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isEngineError(error) || error.code === 'aborted') throw error;
    throw new BaseImageFailure(image, error, place);
  }
}

/** Where an error is in its Dockerfile, if it knows. */
export function placeOf(error: unknown): StepPlace | undefined {
  const knows =
    error instanceof StepFailure || error instanceof DockerfileError || error instanceof BaseImageFailure;
  return knows && error.source ? { source: error.source, ranges: error.ranges } : undefined;
}
