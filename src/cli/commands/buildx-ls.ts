import { engineAsBuilder } from '../build/builder.ts';
import { defineCommand } from '../command.ts';
import { stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { Row } from '../template/value.ts';

const listing: Listing = {
  headings: {
    Name: 'NAME/NODE',
    DriverEndpoint: 'DRIVER/ENDPOINT',
    Status: 'STATUS',
    Buildkit: 'BUILDKIT',
    Platforms: 'PLATFORMS',
  },
  columns: ['Name', 'DriverEndpoint', 'Status', 'Buildkit', 'Platforms'],
};

export const command = defineCommand({
  summary: 'List builder instances',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson buildx ls'],
  flags: { format: stringFlag(FORMAT_HELP) },
  run: async (context, { flags }) => {
    const builder = await engineAsBuilder(context);
    const node = (name: string, endpoint: string, more: string) =>
      new Row({
        Name: () => name,
        DriverEndpoint: () => endpoint,
        Status: () => (more === '' ? '' : builder.status),
        Buildkit: () => (more === '' ? '' : builder.version),
        Platforms: () => (more === '' ? '' : builder.platform),
      });
    printRows(
      context,
      listing,
      [
        node(`${builder.name}*`, 'caisson', ''),
        node(` \\_ ${builder.name}`, ` \\_ ${builder.endpoint}`, builder.status),
      ],
      flags.format,
    );
    if (builder.error !== '') context.say(`Cannot load builder ${builder.name}: ${builder.error}`);
    return 0;
  },
});
