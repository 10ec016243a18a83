/** One record of RFC 4180: fields parted by commas, `"a,b"` and `""` in quoted ones. */
import { invalid } from '../dockerfile-error.ts';

/** @throws {EngineError} `invalid` with the texts of Go's encoding/csv */
export function parseCsvRecord(text: string): readonly string[] {
  const fields: string[] = [];
  let offset = 0;
  for (;;) {
    const [field, end] = text[offset] === '"' ? quotedField(text, offset) : bareField(text, offset);
    fields.push(field);
    if (end >= text.length) return fields;
    offset = end + 1;
  }
}

function bareField(text: string, start: number): readonly [string, number] {
  const comma = text.indexOf(',', start);
  const end = comma < 0 ? text.length : comma;
  const field = text.slice(start, end);
  if (field.includes('"')) throw invalid('bare " in non-quoted-field');
  return [field, end];
}

function quotedField(text: string, start: number): readonly [string, number] {
  let offset = start + 1;
  for (;;) {
    const quote = text.indexOf('"', offset);
    if (quote < 0) throw invalid('extraneous or missing " in quoted-field');
    if (text[quote + 1] === '"') {
      offset = quote + 2;
      continue;
    }
    if (quote + 1 < text.length && text[quote + 1] !== ',')
      throw invalid('extraneous or missing " in quoted-field');
    return [text.slice(start + 1, quote).replaceAll('""', '"'), quote + 1];
  }
}
