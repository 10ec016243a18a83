/** Fields by name, in paragraphs that empty lines separate: `Name: value`. */
export function* paragraphs(text: string, separator: RegExp): Generator<ReadonlyMap<string, string>, void> {
  let fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '' && fields.size > 0) {
      yield fields;
      fields = new Map();
    }
    // Continued lines are of descriptions.
    const match = /^\s/.test(line) ? null : separator.exec(line);
    const [, name, value = ''] = match ?? [];
    if (name !== undefined && !fields.has(name)) fields.set(name, value);
  }
  if (fields.size > 0) yield fields;
}
