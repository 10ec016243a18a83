/** `["a", "b"]` as arguments. */
import { invalid } from '../dockerfile-error.ts';
import type { Piece } from '../words/words.ts';

const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/**
 * The elements, with their offsets in `text`; undefined if the text from `start` on is no JSON array and so means
 * what it says.
 *
 * @throws {EngineError} `invalid` if it is one, but not of strings only
 */
export function parseJsonForm(text: string, start: number): readonly Piece[] | undefined {
  if (text[start] !== '[') return undefined;
  const value = tryParse(text.slice(start));
  if (!Array.isArray(value)) return undefined;
  if (!value.every((element) => typeof element === 'string'))
    throw invalid('when using JSON array syntax, arrays must be comprised of strings only');
  return withOffsets(value, text, start);
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function withOffsets(values: readonly string[], text: string, start: number): readonly Piece[] {
  const literal = new RegExp(STRING);
  literal.lastIndex = start;
  return values.map((value) => {
    const match = literal.exec(text);
    const begin = match?.index ?? start;
    return { text: value, start: begin, end: begin + (match?.[0].length ?? 0) };
  });
}
