import type { WireWarning } from '#wire/build-session.ts';
import type { Context } from '../context.ts';

/** Shows what a Dockerfile should not have. @returns the exit code of `--check` */
export function tellWarnings(context: Context, warnings: readonly WireWarning[]): number {
  const { style } = context;
  if (warnings.length === 0) return 0;
  const count = `${warnings.length} warning${warnings.length === 1 ? '' : 's'} found`;
  context.say(`\n ${style.yellow(count)}:`);
  for (const { rule, message, startLine } of warnings)
    context.say(` - ${rule}: ${message} (line ${startLine})`);
  return 1;
}
