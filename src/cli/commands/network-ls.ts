import type { NetworkInspect } from '#wire/network.ts';
import { listNetworks } from '#client/networks.ts';
import { defineCommand } from '../command.ts';
import { configuredFormat } from '../docker-config.ts';
import { booleanFlag, filterFlag, stringFlag } from '../flag.ts';
import { labelList } from '../format/container-rows.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { truncateId } from '../format/text.ts';
import { goTimestamp } from '../format/times.ts';
import { Row } from '../template/value.ts';

const listing: Listing = {
  headings: {
    ID: 'NETWORK ID',
    Name: 'NAME',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    IPv6: 'IPV6',
    Internal: 'INTERNAL',
    Labels: 'LABELS',
    CreatedAt: 'CREATED AT',
  },
  columns: ['ID', 'Name', 'Driver', 'Scope'],
  raw: 'network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n',
};

export const command = defineCommand({
  summary: 'List networks',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson network ls --filter driver=bridge'],
  flags: {
    filter: filterFlag('Provide filter values (e.g. "driver=bridge")', { short: 'f' }),
    format: stringFlag(FORMAT_HELP),
    noTrunc: booleanFlag('Do not truncate the output'),
    quiet: booleanFlag('Only display network IDs', { short: 'q' }),
  },
  run: async (context, { flags }) => {
    const networks = await listNetworks(context.client, flags.filter);
    const rows = networks.toSorted(byName).map((network) => networkRow(network, flags.noTrunc));
    const format = flags.format || (flags.quiet ? '{{.ID}}' : configuredFormat(context, 'networksFormat'));
    printRows(context, listing, rows, format);
    return 0;
  },
});

function byName(one: NetworkInspect, other: NetworkInspect): number {
  return one.Name < other.Name ? -1 : 1;
}

function networkRow(network: NetworkInspect, noTrunc: boolean): Row {
  return new Row(
    {
      ID: () => (noTrunc ? network.Id : truncateId(network.Id)),
      Name: () => network.Name,
      Driver: () => network.Driver,
      Scope: () => network.Scope,
      IPv6: () => String(network.EnableIPv6),
      Internal: () => String(network.Internal),
      Labels: () => labelList(network.Labels),
      CreatedAt: () => goTimestamp(network.Created),
    },
    { Label: (name) => network.Labels?.[name] ?? '' },
  );
}
