/** One record of RFC 4180, in which options carry several fields: `type=bind,"source=/a,b"`. */
import { EngineError } from '#base/errors.ts';

/**
 * The fields of a record; commas in quoted ones do not part them, and `""` in them is a quote.
 *
 * @throws {EngineError} `invalid` with the texts of Go's encoding/csv
 */
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
  if (field.includes('"')) throw new EngineError('invalid', 'bare " in non-quoted-field');
  return [field, end];
}

function quotedField(text: string, start: number): readonly [string, number] {
  let offset = start + 1;
  for (;;) {
    const quote = text.indexOf('"', offset);
    if (quote < 0) throw malformedQuote();
    if (text[quote + 1] === '"') {
      offset = quote + 2;
      continue;
    }
    if (quote + 1 < text.length && text[quote + 1] !== ',') throw malformedQuote();
    return [text.slice(start + 1, quote).replaceAll('""', '"'), quote + 1];
  }
}

function malformedQuote(): EngineError {
  return new EngineError('invalid', 'extraneous or missing " in quoted-field');
}
