import { messageOf } from '#base/errors.ts';
import type { FoundCommand } from './catalogue.ts';
import type { Context } from './context.ts';
import { hintsFor } from './failure-hints.ts';
import { TemplateError } from './template/template-error.ts';
import { ExitError, UsageError } from './usage-error.ts';

/** Tells what went wrong and what may help, on standard error. @returns the exit code */
export async function reportFailure(
  context: Context,
  found: FoundCommand | undefined,
  error: unknown,
): Promise<number> {
  if (error instanceof ExitError) {
    if (error.message !== '') context.say(error.message);
    return error.exitCode;
  }
  const name = [context.program, ...(found?.path ?? [])].join(' ');
  if (error instanceof UsageError) {
    context.say(`${error.message}\nSee '${name} --help'.`);
    return 125;
  }
  await tellError(context, error);
  const failsAs125 = found ? ((await found.load()).failsAs125 ?? false) : false;
  return failsAs125 ? 125 : 1;
}

/** `caisson: <what is wrong>`, with a suggestion where there is one. */
export async function tellError(context: Context, error: unknown): Promise<void> {
  context.say(`${context.style.red(`${context.program}:`)} ${failureText(error)}`);
  for (const hint of await hintsFor(context, error)) context.say(context.style.dim(hint));
  if (context.globals.debug && error instanceof Error && error.stack) context.say(error.stack);
}

/** What a person reads: system errors without their codes. */
export function failureText(error: unknown): string {
  const text = messageOf(error);
  if (error instanceof TemplateError) return `Cannot use this --format: ${text}`;
  const [, reason, call, path] = /^E[A-Z0-9]+: (.+?), (\w+)(?: '([^']*)')?$/.exec(text) ?? [];
  if (reason === undefined) return text;
  return path === undefined ? `${call}: ${reason}` : `Cannot ${call} ${path}: ${reason}`;
}
