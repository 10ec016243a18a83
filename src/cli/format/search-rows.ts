import type { SearchEntry } from '#wire/search.ts';
import { Row } from '../template/value.ts';
import type { Listing } from './rows.ts';
import { ellipsis } from './text.ts';

const DESCRIPTION_WIDTH = 45;

const headings = {
  Name: 'NAME',
  Description: 'DESCRIPTION',
  StarCount: 'STARS',
  IsOfficial: 'OFFICIAL',
  IsAutomated: 'AUTOMATED',
};

export const searchListing: Listing = {
  headings,
  columns: ['Name', 'Description', 'StarCount', 'IsOfficial'],
};

/** A result as the formats of `search` see it. */
export function searchRow(entry: SearchEntry, noTrunc: boolean): Row {
  const description = entry.description.replaceAll(/[\r\n]+/g, ' ');
  return new Row({
    Name: () => entry.name,
    Description: () => (noTrunc ? description : ellipsis(description, DESCRIPTION_WIDTH)),
    StarCount: () => String(entry.star_count),
    IsOfficial: () => (entry.is_official ? '[OK]' : ''),
    IsAutomated: () => (entry.is_automated ? '[OK]' : ''),
  });
}
