import type { Context } from '../context.ts';
import { compileTemplate } from '../template/template.ts';
import { rowJson, type TemplateFunction } from '../template/functions.ts';
import { show } from '../template/show.ts';
import { Row, type Value } from '../template/value.ts';
import { layOutTable } from './table.ts';

/** How a list is shown: its columns and their headings. */
export interface Listing {
  /** By the names that templates use. */
  readonly headings: Readonly<Record<string, string>>;
  /** The columns of the plain table, by those names. */
  readonly columns: readonly string[];
  /** `--format raw`: a template; undefined where there is no such format. */
  readonly raw?: string;
}

/**
 * Prints rows as `--format` asks: as a table (empty), `table TEMPLATE`, `json`, or a template for each row.
 *
 * @throws {TemplateError} if the template cannot be used
 */
export function printRows(context: Context, listing: Listing, rows: Iterable<Row>, format: string): void {
  context.stdout.write(renderRows(listing, rows, format));
}

export function renderRows(listing: Listing, rows: Iterable<Row>, format: string): string {
  const wanted = format.trim();
  if (wanted === '' || wanted === 'table') return plainTable(listing, rows);
  if (wanted === 'json') return [...rows].map((row) => `${rowJson(row)}\n`).join('');
  if (/^table\s/.test(wanted))
    return templateTable(listing, rows, unescape(wanted.slice('table'.length).trim()));
  const template = compileTemplate(wanted === 'raw' ? (listing.raw ?? wanted) : unescape(wanted));
  return [...rows].map((row) => `${template.execute(row)}\n`).join('');
}

function plainTable(listing: Listing, rows: Iterable<Row>): string {
  const heading = listing.columns.map((name) => listing.headings[name] ?? '').join('\t');
  const lines = [...rows].map(({ fields }) =>
    listing.columns.map((name) => show(fields[name]?.() ?? '')).join('\t'),
  );
  return layOutTable([heading, ...lines]);
}

function templateTable(listing: Listing, rows: Iterable<Row>, source: string): string {
  const template = compileTemplate(source);
  const lines = [...rows].map((row) => template.execute(row));
  return layOutTable(
    [template.execute(headingRow(listing), KEEP), ...lines].flatMap((line) => line.split('\n')),
  );
}

/** On headings, functions that change text do nothing. */
const keepFirst: TemplateFunction = (value) => value;
const KEEP = { json: keepFirst, title: keepFirst, lower: keepFirst, upper: keepFirst, truncate: keepFirst };

function headingRow({ headings }: Listing): Row {
  const fields = Object.entries(headings).map(([name, heading]) => [name, (): Value => heading] as const);
  return new Row(Object.fromEntries(fields), { Label: labelHeading });
}

function labelHeading(name: string): string {
  return (name.split('.').at(-1) ?? name).replaceAll(/[-_]/g, ' ');
}

/** Shells hand over `\t` and `\n` as two characters. */
function unescape(format: string): string {
  return format.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}
