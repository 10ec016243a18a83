import type { Context } from '../context.ts';
import { readDockerConfig } from '../docker-config.ts';
import { ExitError } from '../usage-error.ts';

/** The context without a file: the engine that `-H`, the environment or the default socket name. */
export const DEFAULT_CONTEXT = 'default';

/** The variable that overrides contexts, where one is set. */
export function overridingVariable({ environment }: Pick<Context, 'environment'>): string | undefined {
  return ['CAISSON_HOST', 'DOCKER_HOST'].find((name) => environment[name]);
}

/**
 * The context that a line is about, in Docker's order: `--context`, `-H`, `DOCKER_HOST`, `DOCKER_CONTEXT`, then what
 * `context use` chose.
 *
 * @throws {ExitError} where both `-H` and `--context` are given
 */
export function contextName(context: Context): string {
  const { globals, environment } = context;
  if (globals.context !== '') {
    if (globals.host === undefined) return globals.context;
    throw new ExitError(1, 'conflicting options: either specify --host or --context, not both');
  }
  if (globals.host !== undefined || overridingVariable(context) !== undefined) return DEFAULT_CONTEXT;
  return environment['DOCKER_CONTEXT'] || readDockerConfig(context).currentContext || DEFAULT_CONTEXT;
}
