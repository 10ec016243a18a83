import { listContainers } from '#client/containers.ts';
import { defineCommand } from '../command.ts';
import { configuredFormat } from '../docker-config.ts';
import { booleanFlag, filterFlag, integerFlag, stringFlag } from '../flag.ts';
import { containerListing, containerRow } from '../format/container-rows.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { printRows } from '../format/rows.ts';

export const command = defineCommand({
  summary: 'List containers',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson ps -a --filter status=exited', "caisson ps --format '{{.Names}}\\t{{.Ports}}'"],
  flags: {
    all: booleanFlag('Show all containers (default shows just running)', { short: 'a' }),
    filter: filterFlag('Filter output based on conditions provided', { short: 'f' }),
    format: stringFlag(FORMAT_HELP),
    last: integerFlag('Show n last created containers (includes all states)', { short: 'n', initial: -1 }),
    latest: booleanFlag('Show the latest created container (includes all states)', { short: 'l' }),
    noTrunc: booleanFlag("Don't truncate output"),
    quiet: booleanFlag('Only display container IDs', { short: 'q' }),
    size: booleanFlag('Display total file sizes', { short: 's' }),
  },
  run: async (context, { flags, given }) => {
    const format = flags.format || (flags.quiet ? '' : configuredFormat(context, 'psFormat'));
    // A format that shows sizes asks for them, unless `--size=false` says not to.
    const size = given.has('size') ? flags.size : SHOWS_SIZE.test(format);
    const limit = flags.latest ? 1 : Math.max(flags.last ?? 0, 0);
    const containers = await listContainers(context.client, {
      all: flags.all,
      size,
      filters: flags.filter,
      ...(limit > 0 ? { limit } : {}),
    });
    const rows = containers.map((container) => containerRow(container, flags.noTrunc));
    printRows(context, containerListing(flags.size), rows, flags.quiet && !flags.format ? '{{.ID}}' : format);
    return 0;
  },
});

/** `.Size`, or a whole row as JSON. */
const SHOWS_SIZE = /\.Size\b|\bjson\s+\.\s*(\||\}\})/;
