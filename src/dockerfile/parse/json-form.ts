/** `["a", "b"]` as arguments. */
import { tryParseJson } from '#base/json.ts';
import { invalid } from '../dockerfile-error.ts';
import type { Piece } from '../words/words.ts';

const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;
/** An array of strings, and the comment that follows it. */
const COMMENTED = new RegExp(
  String.raw`^(\[\s*(?:${STRING.source}\s*(?:,\s*${STRING.source}\s*)*)?\])\s*(#.*)$`,
  's',
);

export interface JsonForm {
  /** The elements, with their offsets in the text. */
  readonly elements: readonly Piece[];
  /** What stands after the array: no comment in this language, but never meant as anything else. */
  readonly comment?: Piece;
}

/**
 * @returns undefined if the text from `start` on is no JSON array and so means what it says
 * @throws {EngineError} `invalid` if it is one, but not of strings only
 */
export function parseJsonForm(text: string, start: number): JsonForm | undefined {
  if (text[start] !== '[') return undefined;
  const argument = text.slice(start);
  const [, array = argument, comment] = COMMENTED.exec(argument) ?? [];
  const value = tryParseJson(array);
  if (!Array.isArray(value)) return undefined;
  if (!value.every((element) => typeof element === 'string'))
    throw invalid('when using JSON array syntax, arrays must be comprised of strings only');
  const elements = withOffsets(value, text, start);
  if (comment === undefined) return { elements };
  return { elements, comment: { text: comment, start: text.length - comment.length, end: text.length } };
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
