import type { Context } from '../context.ts';
import { contextName, DEFAULT_CONTEXT } from '../contexts/context-name.ts';
import { stringFlag } from '../flag.ts';
import { ExitError } from '../usage-error.ts';

/** `--builder`, as buildx's commands have it. */
export const builderFlag = stringFlag('Name of the builder: there is "default", which is the engine', {
  variable: 'BUILDX_BUILDER',
});

/** @throws {ExitError} for a builder other than the engine, which buildx knows as `default` and by its context's name */
export function checkBuilder(context: Context, name: string): void {
  const own = contextName(context);
  if (['', DEFAULT_CONTEXT, own].includes(name)) return;
  throw new ExitError(
    1,
    `${context.program}: no builder ${JSON.stringify(name)} found (--builder, BUILDX_BUILDER): the engine itself builds, as "default"; builders of other drivers are docker buildx's`,
  );
}
