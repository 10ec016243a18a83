import type { WireWarning } from '#wire/build-session.ts';
import type { WireBuildRequest } from '#wire/build-request.ts';
import type { Context } from '../context.ts';

/** Shows what a Dockerfile should not have. */
export function tellWarnings(context: Context, warnings: readonly WireWarning[]): void {
  const { style } = context;
  if (warnings.length === 0) return;
  const count = `${warnings.length} warning${warnings.length === 1 ? '' : 's'} found`;
  context.say(`\n ${style.yellow(count)}:`);
  for (const { rule, message, startLine } of warnings)
    context.say(` - ${rule}: ${message} (line ${startLine})`);
}

/** Prints what was asked about a Dockerfile instead of a build. @returns the exit code */
export function tellAnswer(
  context: Context,
  { subrequest }: WireBuildRequest,
  response: Readonly<Record<string, string>>,
): number {
  const { 'result.txt': text = '', 'result.statuscode': status = '0' } = response;
  const isClean = subrequest === 'check' && status === '0';
  context.print(isClean ? 'Check complete, no warnings found.' : text.trim());
  return Number(status);
}
