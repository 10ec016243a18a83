/** The checks of `docker build --check`, in every build and instead of one. */
import { EngineError } from '#base/errors.ts';
import { compileIgnore } from '#oci/ignore.ts';
import type { BuildInputs } from './build-context.ts';
import type { BuildRequest, BuildWarning } from './build.ts';
import { parseDockerfile } from './dockerfile/dockerfile.ts';
import { DockerfileError } from './dockerfile/dockerfile-error.ts';
import { lintDockerfile, lintFailureMessage, type LintResult } from './dockerfile/lint.ts';
import { parseLintOptions } from './dockerfile/lint-options.ts';
import { scopeOptions } from './plan-dockerfile.ts';
import type { Answer } from './subrequests/answer.ts';
import { describeLint, describeLintFailure } from './subrequests/check.ts';
import { describeOutline } from './subrequests/outline.ts';
import { describeTargets } from './subrequests/targets.ts';

type Inputs = Pick<BuildInputs, 'text' | 'context'>;

/** Options that beat those of the file. */
const OPTIONS_ARGUMENT = 'BUILDKIT_DOCKERFILE_CHECK';

/** @throws {DockerfileError} for a file that cannot be read; a check tells that too */
export function answerSubrequest(
  inputs: Inputs,
  subrequest: NonNullable<BuildRequest['subrequest']>,
  request: BuildRequest,
): Answer {
  const { dockerfile: name, target } = request;
  if (subrequest === 'check') return check(inputs, request);
  const dockerfile = parseDockerfile(inputs.text, name);
  if (subrequest === 'targets') return describeTargets(dockerfile);
  return describeOutline(dockerfile, scopeOptions(request), target);
}

function check(inputs: Inputs, request: BuildRequest): Answer {
  const source = { name: request.dockerfile, text: inputs.text };
  try {
    return describeLint(source, lint(inputs, request, { isBuild: false }));
  } catch (error) {
    if (error instanceof DockerfileError) return describeLintFailure(source, error);
    throw error;
  }
}

/**
 * Of the stages that the target needs; what the build fails with is not looked at.
 *
 * @throws {EngineError} `invalid` where warnings are errors
 */
export function lintWarnings(inputs: Inputs, request: BuildRequest): readonly BuildWarning[] {
  const { warnings, isFailure } = lint(inputs, request, { isBuild: true });
  if (isFailure) throw new EngineError('invalid', lintFailureMessage(warnings));
  return warnings.map(({ rule, message, range: { start, end } }) => ({
    rule: rule.name,
    message,
    ...(rule.url !== '' && { url: rule.url }),
    file: request.dockerfile,
    startLine: start.line,
    endLine: Math.max(start.line, end.line),
  }));
}

function lint(
  { text, context }: Inputs,
  request: BuildRequest,
  { isBuild }: { readonly isBuild: boolean },
): LintResult {
  const { target } = request;
  const options = request.buildArgs[OPTIONS_ARGUMENT] ?? undefined;
  return lintDockerfile(parseDockerfile(text, request.dockerfile), {
    scope: scopeOptions(request),
    isBuild,
    ...(target !== undefined && { target }),
    ...(options !== undefined && { options: parseLintOptions(options) }),
    ignore: compileIgnore(context.files.ignore),
  });
}
