import { isEngineError } from '#base/errors.ts';
import type { Context } from './context.ts';
import { tellError } from './report-failure.ts';

export interface ForEachOptions {
  /** A last line about the operands that failed. */
  readonly failure?: (failed: readonly string[]) => string;
  /** One that does not exist is told, and is no failure: `rm -f`. */
  readonly mayBeMissing?: boolean;
  /** What is printed for one that succeeded; its name by default, nothing for undefined. */
  readonly print?: (name: string) => string | undefined;
}

/** How many operands are worked on at once: enough to keep an engine busy, few enough for its backlog. */
const PARALLEL = 50;

/**
 * Does the same to every operand, many at a time, and prints their names in the order they were given as they
 * succeed. Failures are told and do not stop the others. @returns the exit code
 */
export async function forEachOperand(
  context: Context,
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
  options: ForEachOptions = {},
): Promise<number> {
  const failed: string[] = [];
  const { print = (name: string) => name } = options;
  const running: Promise<unknown>[] = [];
  for (const [index, name] of names.entries()) {
    // Started ahead, by as many as may run at once.
    while (running.length < Math.min(index + PARALLEL, names.length)) {
      const work = act(names[running.length] ?? '');
      work.catch(() => undefined);
      running.push(work);
    }
    try {
      await running[index];
      const line = print(name);
      if (line !== undefined) context.print(line);
    } catch (error) {
      if (!(options.mayBeMissing && isEngineError(error, 'not-found'))) failed.push(name);
      await tellError(context, error);
    }
  }
  if (failed.length > 0 && options.failure) context.say(options.failure(failed));
  return failed.length === 0 ? 0 : 1;
}
