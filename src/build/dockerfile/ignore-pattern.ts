/**
 * One pattern of `.dockerignore`: `*` and `?` stay inside a path's component, `**` crosses any number of them, `[a-z]`
 * is a set, `\` escapes. As moby's patternmatcher, but names with newlines match like any other.
 */
import { invalid } from './dockerfile-error.ts';

export interface IgnorePattern {
  /** `!`: takes back what patterns above ignored. */
  readonly isException: boolean;
  /** Cleaned, without `!`. */
  readonly text: string;
  /** `path` itself, not what is under it. */
  readonly test: (path: string) => boolean;
  /** The directories before the first wildcard: all it matches is there or below. */
  readonly literalPrefix: string;
}

/** @throws {EngineError} `invalid` for `!` alone, an open `[` or a final `\` */
export function compileIgnorePattern(pattern: string): IgnorePattern {
  const isException = pattern.startsWith('!');
  const text = isException ? pattern.slice(1) : pattern;
  if (text === '') throw invalid('illegal exclusion pattern: "!"');
  return { isException, text, test: matcherOf(text), literalPrefix: literalPrefixOf(text) };
}

/** The common shapes need no regular expression. */
function matcherOf(text: string): (path: string) => boolean {
  if (!/[*?[\]\\]/.test(text)) return (path) => path === text;
  if (text === '**') return () => true;
  const under = /^([^*?[\]\\]*)\/\*\*$/.exec(text)?.[1];
  if (under !== undefined) return (path) => path.startsWith(`${under}/`);
  const anywhere = /^\*\*\/([^*?[\]\\]*)$/.exec(text)?.[1];
  if (anywhere !== undefined) return (path) => path === anywhere || path.endsWith(`/${anywhere}`);
  const expression = new RegExp(`^${translate(text)}$`, 'su');
  return (path) => expression.test(path);
}

function literalPrefixOf(text: string): string {
  const wildcard = text.search(/[*?[\\]/);
  if (wildcard < 0) return text;
  const slash = text.lastIndexOf('/', wildcard);
  return slash < 0 ? '' : text.slice(0, slash);
}

function translate(text: string): string {
  let output = '';
  const characters = Array.from(text);
  let index = 0;
  while (index < characters.length) {
    const [part, next] = translateAt(characters, index, text);
    if (part !== ANY_DIRECTORIES || !output.endsWith(ANY_DIRECTORIES)) output += part;
    index = next;
  }
  return output;
}

const ANY_DIRECTORIES = '(?:.*/)?';

function translateAt(
  characters: readonly string[],
  index: number,
  pattern: string,
): readonly [string, number] {
  const character = characters[index] ?? '';
  if (character === '*') return translateStar(characters, index);
  if (character === '?') return ['[^/]', index + 1];
  if (character === '[') return translateSet(characters, index, pattern);
  if (character !== '\\') return [escapeLiteral(character), index + 1];
  const escaped = characters[index + 1];
  if (escaped === undefined) throw syntaxError(pattern);
  return [escapeLiteral(escaped), index + 2];
}

/** `**` in the middle of a name swallows all before what follows, slashes included. */
function translateStar(characters: readonly string[], index: number): readonly [string, number] {
  if (characters[index + 1] !== '*') return ['[^/]*', index + 1];
  let end = index + 2;
  const hasSlash = characters[end] === '/';
  if (hasSlash) end += 1;
  if (end >= characters.length) return ['.*', end];
  if (hasSlash && (index === 0 || characters[index - 1] === '/')) return [ANY_DIRECTORIES, end];
  return ['.*', end];
}

function translateSet(
  characters: readonly string[],
  start: number,
  pattern: string,
): readonly [string, number] {
  let index = start + 1;
  const negated = characters[index] === '^';
  if (negated) index += 1;
  const first = index;
  let output = '';
  while (characters[index] !== ']' || index === first) {
    const [low, afterLow] = setCharacter(characters, index, pattern);
    if (characters[afterLow] === '-') {
      const [high, afterHigh] = setCharacter(characters, afterLow + 1, pattern);
      if (low <= high) output += `${escapeLiteral(low)}-${escapeLiteral(high)}`;
      index = afterHigh;
    } else {
      output += escapeLiteral(low);
      index = afterLow;
    }
  }
  return [`[${negated ? '^/' : ''}${output}]`, index + 1];
}

function setCharacter(
  characters: readonly string[],
  index: number,
  pattern: string,
): readonly [string, number] {
  const escaped = characters[index] === '\\';
  const character = characters[escaped ? index + 1 : index];
  if (character === undefined || (!escaped && (character === '-' || character === ']')))
    throw syntaxError(pattern);
  return [character, index + (escaped ? 2 : 1)];
}

function escapeLiteral(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character;
}

function syntaxError(pattern: string): Error {
  return invalid(`error checking context: syntax error in pattern ${JSON.stringify(pattern)}`);
}
