/** The checks of `docker build --check`, in every build and instead of one. */
import { EngineError } from '#base/errors.ts';
import type { ImageRecord } from '#image/image-record.ts';
import { compileIgnore } from '#oci/ignore.ts';
import type { Platform } from '#oci/platform.ts';
import type { BaseImage } from '../bases/base-image.ts';
import { baseImagesOf } from './needed-stages.ts';
import type { BuildInputs } from '../contexts/build-context.ts';
import type { BuildRequest, BuildWarning } from '../build.ts';
import { environmentOf } from '#dockerfile/change-config.ts';
import { ContextNames } from './context-names.ts';
import { parseDockerfile } from '#dockerfile/dockerfile.ts';
import { DockerfileError } from '#dockerfile/dockerfile-error.ts';
import {
  lintDockerfile,
  lintFailureMessage,
  type LintImage,
  type LintResult,
} from '#dockerfile/lint/lint.ts';
import { parseLintOptions } from '#dockerfile/lint/lint-options.ts';
import { scopeOptions } from './plan-dockerfile.ts';
import type { Answer } from '../subrequests/answer.ts';
import { describeLint, describeLintFailure } from '../subrequests/check.ts';
import { describeOutline } from '../subrequests/outline.ts';
import { describeTargets } from '../subrequests/targets.ts';

type Inputs = Pick<BuildInputs, 'text' | 'context'>;

/** What is known of images; undefined where one is not here. */
export type KnownImages = (image: BaseImage) => ImageRecord | undefined;

/** Options that count before those of the file. */
const OPTIONS_ARGUMENT = 'BUILDKIT_DOCKERFILE_CHECK';

/** @throws {DockerfileError} for a file that cannot be read; a check tells that too */
export function answerSubrequest(
  inputs: Inputs,
  subrequest: NonNullable<BuildRequest['subrequest']>,
  request: BuildRequest,
  images: KnownImages,
): Answer {
  const { dockerfile: name, target } = request;
  if (subrequest === 'check') return check(inputs, request, images);
  const dockerfile = parseDockerfile(inputs.text, name);
  if (subrequest === 'targets') return describeTargets(dockerfile);
  return describeOutline(dockerfile, scopeOptions(request), target);
}

function check(inputs: Inputs, request: BuildRequest, images: KnownImages): Answer {
  const source = { name: request.dockerfile, text: inputs.text };
  try {
    return describeLint(source, lint(inputs, request, { isBuild: false, images }));
  } catch (error) {
    if (error instanceof DockerfileError) return describeLintFailure(source, error);
    throw error;
  }
}

/**
 * Warnings about the stages that the target needs. What the build fails with is none of them.
 *
 * @throws {EngineError} `invalid` where warnings are errors
 */
export function lintWarnings(
  inputs: Inputs,
  request: BuildRequest,
  images: KnownImages,
): readonly BuildWarning[] {
  const { warnings, isFailure } = lint(inputs, request, { isBuild: true, images });
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
  { isBuild, images }: { readonly isBuild: boolean; readonly images: KnownImages },
): LintResult {
  const { target } = request;
  const scope = scopeOptions(request);
  const names = new ContextNames(request.namedContexts ?? {}, context.named);
  const options = request.buildArgs[OPTIONS_ARGUMENT] ?? undefined;
  return lintDockerfile(parseDockerfile(text, request.dockerfile), {
    scope,
    isBuild,
    imageOf: (base, platform = scope.targetPlatform) => {
      const [image] = baseImagesOf(base, platform, names);
      const record = image && images(image);
      return record && lintImageOf(record, platform);
    },
    ...(target !== undefined && { target }),
    ...(options !== undefined && { options: parseLintOptions(options) }),
    ignore: compileIgnore(context.files.ignore),
  });
}

function lintImageOf({ config: image }: ImageRecord, expected: Platform): LintImage {
  const { os, architecture, variant } = image;
  return {
    environment: new Map(environmentOf(image.config)),
    hasTriggers: (image.config.OnBuild ?? []).length > 0,
    platforms: { actual: { os, architecture, ...(variant !== undefined && { variant }) }, expected },
  };
}
