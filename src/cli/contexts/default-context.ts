import { resolveHost } from '#client/host.ts';
import type { Context } from '../context.ts';
import { overridingVariable } from './context-name.ts';

export const DEFAULT_DESCRIPTION = 'Current DOCKER_HOST based configuration';

/** Where the context without a file leads. */
export function defaultContextHost({ globals, environment }: Context): string {
  return resolveHost(globals.host, environment);
}

/** A choice that a variable overrides has no effect: this says so. */
export function warnOfOverride(context: Context): void {
  const variable = overridingVariable(context);
  if (variable === undefined) return;
  context.say(
    `Warning: ${variable} environment variable overrides the active context. ` +
      `To use a context, either set the global --context flag, or unset ${variable} environment variable.`,
  );
}
