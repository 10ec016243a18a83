import { COMMON_IMAGES } from '#oci/common-images.ts';
import { EngineError, factsOf, isEngineError } from '#base/errors.ts';
import { isReference } from '#oci/reference.ts';
import type { StepPlace } from '../build.ts';
import { StepFailure } from '../step-failure.ts';
import { DockerfileError } from '#dockerfile/dockerfile-error.ts';
import { suggestionSuffix } from '#dockerfile/suggest.ts';
import type { Operation, Plan } from '../plan/plan.ts';

/** Where the steps of a plan are. */
export function stepPlaces({
  source,
  steps,
}: Pick<Plan, 'source' | 'steps'>): (vertex: Operation) => StepPlace | undefined {
  return (vertex) => {
    const step = steps.find((step) => step.vertex === vertex);
    return step && { source, ranges: [step.range] };
  };
}

/** Errors of vertices as errors that know the instruction. */
export function stepErrors(
  placeOf: (vertex: Operation) => StepPlace | undefined,
): (vertex: Operation, error: unknown) => unknown {
  return (vertex, error) => {
    const place = placeOf(vertex);
    if (!place) return error;
    if (error instanceof StepFailure) return new StepFailure(error.command, error.exitCode, place);
    if (!(error instanceof EngineError) || error.code !== 'invalid') return error;
    return new DockerfileError(error.message, place.ranges, { source: place.source, cause: error });
  };
}

/** A base image that cannot be had, with the instructions that ask for it. */
export class BaseImageFailure extends EngineError {
  readonly image: string;
  override readonly cause: EngineError;
  /** Another name that may be meant, as the end of a sentence; empty: none is near. */
  readonly suggestion: string;
  readonly source: StepPlace['source'];
  readonly ranges: StepPlace['ranges'];

  constructor(image: string, cause: EngineError, { source, ranges }: StepPlace, suggestion: string) {
    super(cause.code, cause.message + suggestion, factsOf(cause));
    this.image = image;
    this.cause = cause;
    this.suggestion = suggestion;
    this.source = source;
    this.ranges = ranges;
  }
}

/** @param stages names that may have been meant */
export async function withImagePlace<T>(
  image: string,
  place: StepPlace & { readonly stages: readonly string[] },
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isEngineError(error) || error.code === 'aborted') throw error;
    if (error.code === 'invalid' && !isReference(image)) throw misnamed(image, place, error);
    const near = suggestionSuffix(image, [...place.stages, ...COMMON_IMAGES]);
    throw new BaseImageFailure(image, error, place, near);
  }
}

function misnamed(image: string, { source, ranges }: StepPlace, cause: EngineError): DockerfileError {
  const text = `failed to parse stage name ${JSON.stringify(image)}: ${cause.message}`;
  return new DockerfileError(text, ranges, { source, cause });
}

/** The place of an error in its Dockerfile, if the error has one. */
export function placeOf(error: unknown): StepPlace | undefined {
  const knows =
    error instanceof StepFailure || error instanceof DockerfileError || error instanceof BaseImageFailure;
  return knows && error.source ? { source: error.source, ranges: error.ranges } : undefined;
}
