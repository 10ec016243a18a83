/** Failures of builds in BuildKit's words; those of the classic builder are in `build.ts`. */
import { EngineError } from '#base/errors.ts';
import { BUILD_ERRORS, type BuildErrorReason } from '#build/build-errors.ts';
import type { VertexStatus } from '#build/build.ts';
import { fullName } from '#build/plan/step-titles.ts';
import { BaseImageFailure } from '#build/progress/step-errors.ts';
import { deniedSource, missingFile } from './build.ts';
import { dockerErrorText } from './docker-error.ts';

/** BuildKit's word for a vertex that did not fail itself; displays show it as CANCELED. */
const CANCELED = 'context canceled';

const BUILDKIT_TEXTS: Readonly<Record<BuildErrorReason, (error: EngineError) => string>> = {
  'dockerfile-missing': ({ subject }) =>
    `failed to read dockerfile: open ${subject}: no such file or directory`,
  'dockerfile-empty': () => 'the Dockerfile cannot be empty',
  'context-file-missing': missingFile,
  'copied-file-missing': missingFile,
  'source-denied': deniedSource,
  'source-conversion-unsupported': ({ message }) => message,
  'command-failed': ({ subject, details }) =>
    `process ${JSON.stringify(subject)} did not complete successfully: exit code: ${details['exitCode']}`,
};

/** The failure in BuildKit's words, where it has its own. */
export function buildkitFailureText(error: unknown): string {
  if (error instanceof BaseImageFailure)
    return `${error.image}: failed to resolve source metadata for ${fullName(error.image)}: ${dockerErrorText(error.cause)}${error.suggestion}`;
  const reason = error instanceof EngineError ? error.reason : undefined;
  if (error instanceof EngineError && isBuildReason(reason)) return BUILDKIT_TEXTS[reason](error);
  return dockerErrorText(error);
}

/** What clients of BuildKit are told of a vertex that did not end well; undefined for the others. */
export function vertexError({ failure }: VertexStatus): string | undefined {
  if (!failure) return undefined;
  return failure.kind === 'canceled' ? CANCELED : buildkitFailureText(failure.error);
}

function isBuildReason(reason: string | undefined): reason is BuildErrorReason {
  return reason !== undefined && Object.hasOwn(BUILD_ERRORS, reason);
}
