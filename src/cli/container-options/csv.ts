/**
 * The fields of one line of comma-separated values, double quotes around those that hold commas (RFC 4180), as
 * `--mount`, `--gpus` and `--network` take them.
 *
 * @throws {Error} if a quote is not closed
 */
export function csvFields(line: string): readonly string[] {
  const fields: string[] = [];
  let at = 0;
  do {
    const quoted = line[at] === '"';
    const end = quoted ? closingQuote(line, at + 1) + 1 : nextComma(line, at);
    const field = line.slice(at, end);
    fields.push(quoted ? field.slice(1, -1).replaceAll('""', '"') : field);
    at = end + 1;
  } while (at <= line.length);
  return fields;
}

function closingQuote(line: string, from: number): number {
  const match = /(?:[^"]|"")*"(?!")/y;
  match.lastIndex = from;
  if (!match.test(line)) throw new Error(`a quote is not closed in '${line}'`);
  return match.lastIndex - 1;
}

function nextComma(line: string, from: number): number {
  const comma = line.indexOf(',', from);
  return comma < 0 ? line.length : comma;
}
