import { listImages } from '#client/images.ts';
import type { Filters } from '#client/containers.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { configuredFormat } from '../docker-config.ts';
import { booleanFlag, filterFlag, flagName, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { imageListing, imageRows } from '../format/image-rows.ts';
import { imageTree } from '../format/image-tree.ts';
import { printRows } from '../format/rows.ts';
import { createStyle } from '../style.ts';
import { terminalSize } from '../terminal/terminal.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'List images',
  usage: ['[OPTIONS] [REPOSITORY[:TAG]]'],
  operands: { min: 0, max: 1, kind: 'image' },
  examples: ['caisson images', 'caisson images --tree debian', 'caisson images -q --filter dangling=true'],
  flags: {
    all: booleanFlag('Show all images (default hides intermediate images)', { short: 'a' }),
    digests: booleanFlag('Show digests'),
    filter: filterFlag('Filter output based on conditions provided', { short: 'f' }),
    format: stringFlag(FORMAT_HELP),
    noTrunc: booleanFlag("Don't truncate output"),
    quiet: booleanFlag('Only show image IDs', { short: 'q' }),
    tree: booleanFlag('List the platforms of each image'),
  },
  run: async (context, { flags, given, operands: [reference] }) => {
    const filters = reference === undefined ? flags.filter : { ...flags.filter, reference: [reference] };
    if (flags.tree) return await showTree(context, { all: flags.all, filters }, given);
    const images = await listImages(context.client, { all: flags.all, filters });
    const format = flags.format || (flags.quiet ? '{{.ID}}' : configuredFormat(context, 'imagesFormat'));
    const digests = flags.digests || /\.Digest\b/.test(format);
    const rows = images.flatMap((image) => imageRows(image, { noTrunc: flags.noTrunc, digests }));
    printRows(context, imageListing(flags.digests), rows, format);
    return 0;
  },
});

/** What a plain list can do and a tree cannot. */
const NOT_IN_TREE = ['quiet', 'noTrunc', 'digests', 'format'];

async function showTree(
  context: Context,
  query: { readonly all: boolean; readonly filters: Filters },
  given: ReadonlySet<string>,
): Promise<number> {
  const other = NOT_IN_TREE.find((name) => given.has(name));
  if (other !== undefined) throw new ExitError(1, `--${flagName(other)} is not yet supported with --tree`);
  const images = await listImages(context.client, { ...query, manifests: true });
  const { stdout, environment } = context;
  const style = createStyle(stdout.isTerminal, environment);
  stdout.write(imageTree(images, terminalSize()?.columns ?? DEFAULT_COLUMNS, style));
  return 0;
}

/** The width where output is no terminal: enough for every name. */
const DEFAULT_COLUMNS = 200;
