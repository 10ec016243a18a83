/** Attributes that hold several things. */
import { parseCsvRecord } from '#syntax/csv-record.ts';

/** `a,"b,c"` */
export function listOf(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : parseCsvRecord(text);
}

/** The values of attributes such as `label:NAME`, by NAME. */
export function withPrefix(
  attributes: ReadonlyMap<string, string>,
  prefix: string,
): Readonly<Record<string, string>> {
  const entries = [...attributes].filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}
