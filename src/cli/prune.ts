import { createInterface } from 'node:readline';
import type { Context } from './context.ts';
import { dockerConfigPath, readDockerConfig } from './docker-config.ts';
import { booleanFlag, filterFlag } from './flag.ts';
import { humanSize } from './format/sizes.ts';
import { stdinIsTerminal } from './terminal/terminal.ts';
import { ExitError } from './usage-error.ts';

/** The flags of every `prune`. */
export const pruneFlags = {
  filter: filterFlag('Provide filter values (e.g. "label=<key>=<value>")'),
  force: booleanFlag('Do not prompt for confirmation', { short: 'f' }),
};

/** Asks unless `--force` was given; true to go on. */
export async function confirmPrune(context: Context, force: boolean, warning: string): Promise<boolean> {
  if (force) return true;
  context.stdout.write(`${warning}\nAre you sure you want to continue? [y/N] `);
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return /^y$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
    if (!stdinIsTerminal()) context.stdout.write('\n');
  }
}

/** What was deleted, if anything, and the space that it gave back. */
export function printPruned(
  context: Context,
  title: string,
  deleted: readonly string[],
  bytes?: number,
): void {
  if (deleted.length > 0) context.print(`${title}\n${deleted.join('\n')}\n`);
  if (bytes !== undefined) context.print(`Total reclaimed space: ${humanSize(bytes)}`);
}

type Filters = Readonly<Record<string, readonly string[]>>;

/**
 * What was asked for, with the `pruneFilters` of the configuration: a `label` there is left out where the line has the
 * opposite (`label!`) of it, and the other way round.
 *
 * @throws {ExitError} for filters that are no labels
 */
export function withPruneFilters(context: Context, asked: Filters): Filters {
  const filters: Record<string, readonly string[]> = { ...asked };
  for (const text of readDockerConfig(context).pruneFilters ?? []) {
    const [, name = '', value = ''] = /^(label!?)=(.*)$/.exec(text) ?? [];
    if (name === '')
      throw new ExitError(1, `invalid "pruneFilters" in ${dockerConfigPath(context)}: ${text}`);
    const opposite = name === 'label' ? 'label!' : 'label';
    if (asked[opposite]?.includes(value)) continue;
    filters[name] = [...(filters[name] ?? []), value];
  }
  return filters;
}
