import { configuredFormat } from '../docker-config.ts';
import { encodeFilters } from '#client/client.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag, filterFlag, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { truncateId } from '../format/text.ts';
import { Row } from '../template/value.ts';

const listing: Listing = {
  headings: {
    ID: 'ID',
    Name: 'NAME',
    Description: 'DESCRIPTION',
    Enabled: 'ENABLED',
    PluginReference: 'PLUGIN REFERENCE',
  },
  columns: ['ID', 'Name', 'Description', 'Enabled'],
  raw: 'plugin_id: {{.ID}}\nname: {{.Name}}\ndescription: {{.Description}}\nenabled: {{.Enabled}}\n',
};

interface Plugin {
  readonly Id: string;
  readonly Name: string;
  readonly Enabled: boolean;
  readonly PluginReference: string;
  readonly Config: { readonly Description: string };
}

export const command = defineCommand({
  summary: 'List plugins',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson plugin ls'],
  flags: {
    filter: filterFlag('Provide filter values (e.g. "enabled=true")', { short: 'f' }),
    format: stringFlag(FORMAT_HELP),
    noTrunc: booleanFlag("Don't truncate output"),
    quiet: booleanFlag('Only display plugin IDs', { short: 'q' }),
  },
  run: async (context, { flags }) => {
    const plugins = await context.client.json<readonly Plugin[] | null>({
      method: 'GET',
      path: '/plugins',
      query: { filters: encodeFilters(flags.filter) },
    });
    const rows = (plugins ?? []).map(
      (plugin) =>
        new Row({
          ID: () => (flags.noTrunc ? plugin.Id : truncateId(plugin.Id)),
          Name: () => plugin.Name,
          Description: () => plugin.Config.Description,
          Enabled: () => String(plugin.Enabled),
          PluginReference: () => plugin.PluginReference,
        }),
    );
    printRows(
      context,
      listing,
      rows,
      flags.format || (flags.quiet ? '{{.ID}}' : configuredFormat(context, 'pluginsFormat')),
    );
    return 0;
  },
});
