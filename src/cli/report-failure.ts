import { isEngineError, messageOf } from '#base/errors.ts';
import { ApiError } from '#client/api-error.ts';
import { listContainers } from '#client/containers.ts';
import { listImages } from '#client/images.ts';
import type { FoundCommand } from './catalogue.ts';
import type { Context } from './context.ts';
import { nearest } from './suggest.ts';
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

/** The engine's refusals carry the words by which scripts know them from other failures. */
export function failureText(error: unknown): string {
  const text = messageOf(error);
  return error instanceof ApiError ? `Error response from daemon: ${text}` : text;
}

async function hintsFor(context: Context, error: unknown): Promise<readonly string[]> {
  if (isEngineError(error, 'unavailable') && !(error instanceof ApiError)) {
    return ['Start it with "caissond", or name another engine with -H or CAISSON_HOST.'];
  }
  if (!(error instanceof ApiError) || error.status !== 404) return [];
  try {
    return await missingHints(context, error.message);
  } catch {
    // A suggestion is not worth a second error.
    return [];
  }
}

async function missingHints(context: Context, message: string): Promise<readonly string[]> {
  const container = /No such container: (\S+)/.exec(message)?.[1];
  if (container !== undefined) {
    const all = await listContainers(context.client, { all: true });
    return didYouMean(nearest(container, all.flatMap(({ Names }) => Names.map((name) => name.slice(1)))));
  }
  const image = /No such image: (\S+)/.exec(message)?.[1];
  if (image === undefined) return [];
  const tags = (await listImages(context.client)).flatMap(({ RepoTags }) => RepoTags ?? []);
  const short = (name: string): string => name.replace(/:latest$/, '');
  return didYouMean(nearest(short(image), tags.map(short)));
}

function didYouMean(names: readonly string[]): readonly string[] {
  return names.map((name) => `Did you mean "${name}"?`);
}
