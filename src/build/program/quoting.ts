/** Texts as words of a Dockerfile that mean exactly these texts. */
import { EngineError } from '#base/errors.ts';

/**
 * Quotes a text so that nothing in it is a variable, a quote or an escape any more.
 *
 * @throws {EngineError} `invalid` for line breaks
 */
export function literal(text: string): string {
  return oneLine(text).replace(/[\\$"']/g, '\\$&');
}

/** The same in double quotes: blanks stay. */
export function quoted(text: string): string {
  return `"${oneLine(text).replace(/[\\$"]/g, '\\$&')}"`;
}

/** A value of a flag. @throws {EngineError} `invalid` for blanks, too */
export function flagValue(text: string): string {
  if (/\s/.test(text))
    throw new EngineError('invalid', `Cannot use ${JSON.stringify(text)} there: it has blanks`);
  return literal(text);
}

/** A value in a list that commas separate. @throws {EngineError} `invalid` for commas and quotes, too */
export function listValue(text: string): string {
  if (/[,"]/.test(text))
    throw new EngineError('invalid', `Cannot use ${JSON.stringify(text)} there: it has commas or quotes`);
  return flagValue(text);
}

/** A list whose items are words that variables would be expanded in. */
export function literalList(items: readonly string[]): string {
  return JSON.stringify(items.map(literal));
}

/** What a shell gets: one line where it can be one, a list otherwise. */
export function commandText(
  command: string | readonly string[],
  shell: readonly string[],
): { readonly text: string; readonly isList: boolean } {
  if (typeof command !== 'string') return { text: JSON.stringify(command), isList: true };
  const isPlain = /^[^\s[#-][^\n\r]*$/.test(command) && !/\\\s*$|<<|\s$/.test(command);
  return isPlain
    ? { text: command, isList: false }
    : { text: JSON.stringify([...shell, command]), isList: true };
}

function oneLine(text: string): string {
  if (/[\n\r]/.test(text))
    throw new EngineError('invalid', `Cannot use ${JSON.stringify(text)} there: it has line breaks`);
  return text;
}
