import { listImages } from '#client/images.ts';
import { defineCommand } from '../command.ts';
import { configuredFormat } from '../docker-config.ts';
import { booleanFlag, filterFlag, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { imageListing, imageRows } from '../format/image-rows.ts';
import { printRows } from '../format/rows.ts';

export const command = defineCommand({
  summary: 'List images',
  usage: ['[OPTIONS] [REPOSITORY[:TAG]]'],
  operands: { min: 0, max: 1, kind: 'image' },
  flags: {
    all: booleanFlag('Show all images (default hides intermediate images)', { short: 'a' }),
    digests: booleanFlag('Show digests'),
    filter: filterFlag('Filter output based on conditions provided', { short: 'f' }),
    format: stringFlag(FORMAT_HELP),
    noTrunc: booleanFlag("Don't truncate output"),
    quiet: booleanFlag('Only show image IDs', { short: 'q' }),
  },
  run: async (context, { flags, operands: [reference] }) => {
    const filters = reference === undefined ? flags.filter : { ...flags.filter, reference: [reference] };
    const images = await listImages(context.client, { all: flags.all, filters });
    const format = flags.format || (flags.quiet ? '{{.ID}}' : configuredFormat(context, 'imagesFormat'));
    const digests = flags.digests || /\.Digest\b/.test(format);
    const rows = images.flatMap((image) => imageRows(image, { noTrunc: flags.noTrunc, digests }));
    printRows(context, imageListing(flags.digests), rows, format);
    return 0;
  },
});
