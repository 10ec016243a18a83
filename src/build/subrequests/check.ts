import type { SourceFile } from '#dockerfile/ast.ts';
import type { DockerfileError } from '#dockerfile/dockerfile-error.ts';
import type { LintResult, LintWarning } from '#dockerfile/lint/lint.ts';
import { formatSnippet } from '#dockerfile/source-snippet.ts';
import { type Answer, answerOf, base64, locationOf } from './answer.ts';

/** `frontend.lint`: what should not be written, and what the build would fail with. */
export function describeLint(
  source: SourceFile,
  { warnings, error }: Pick<LintResult, 'warnings' | 'error'>,
): Answer {
  const result = {
    warnings: warnings.map(({ rule: { name, description, url }, message, range }) => ({
      ruleName: name,
      description,
      ...(url !== '' && { url }),
      detail: message,
      location: locationOf(range),
    })),
    sources: [{ filename: source.name, language: 'Dockerfile', data: base64(source.text) }],
    ...(error && { buildError: { message: error.message, location: errorLocation(error) } }),
  };
  const text = warnings.map((warning) => warningText(warning, source)).join('');
  const status = warnings.length > 0 || error ? '1' : '0';
  return { ...answerOf(result, text), 'result.statuscode': status };
}

/** The answer for a file that cannot be parsed. */
export function describeLintFailure(source: SourceFile, error: DockerfileError): Answer {
  return describeLint(source, { warnings: [], error });
}

function errorLocation({ ranges }: DockerfileError): object {
  const [first] = ranges;
  return first ? locationOf(first) : {};
}

function warningText({ rule: { name, url }, message, range }: LintWarning, source: SourceFile): string {
  const page = url === '' ? '' : ` - ${url}`;
  return `\nWARNING: ${name}${page}\n${message}\n${formatSnippet(source, [range])}`;
}
