import { encodeFilters } from '#client/client.ts';
import type { SearchEntry } from '#wire/search.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag, filterFlag, integerFlag, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { printRows } from '../format/rows.ts';
import { searchListing, searchRow } from '../format/search-rows.ts';
import { registryAuthHeader } from '../registry-credentials.ts';

export const command = defineCommand({
  summary: 'Search a registry (Docker Hub) for images',
  usage: ['[OPTIONS] TERM'],
  operands: { min: 1, max: 1 },
  examples: ['caisson search --limit 5 nginx'],
  flags: {
    filter: filterFlag('Filter output based on conditions provided', { short: 'f' }),
    format: stringFlag(FORMAT_HELP),
    limit: integerFlag('Max number of search results'),
    noTrunc: booleanFlag("Don't truncate output"),
  },
  run: async (context, { flags, operands: [term = ''] }) => {
    const results = await context.client.json<readonly SearchEntry[]>({
      method: 'GET',
      path: '/images/search',
      query: { term, limit: flags.limit, filters: encodeFilters(flags.filter) },
      headers: registryAuthHeader(context, term),
    });
    const byStars = results.toSorted((a, b) => b.star_count - a.star_count);
    const rows = byStars.map((entry) => searchRow(entry, flags.noTrunc));
    printRows(context, searchListing, rows, flags.format);
    return 0;
  },
});
