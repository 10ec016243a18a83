/**
 * The patterns of `${x#pattern}`, `${x%pattern}` and `${x/pattern/text}`: `*` any characters but a newline, `?` one,
 * `\` before a special character takes it literally. No brackets.
 *
 * Matched by following all states at once, so hostile patterns cost time linear in pattern times text, where a
 * backtracking expression would be exponential.
 */
import { invalid } from '../dockerfile-error.ts';

type Element =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly character: string };

export type ShellPattern = readonly Element[];

/** @throws {EngineError} `invalid` for an escape of anything but `*`, `?`, `\`, `}` and `/` */
export function parseShellPattern(text: string): ShellPattern {
  const elements: Element[] = [];
  const characters = Array.from(text);
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    if (character === '*') elements.push({ kind: 'star' });
    else if (character === '?') elements.push({ kind: 'any' });
    else if (character === '\\') {
      index += 1;
      elements.push({ kind: 'literal', character: escaped(characters[index], text) });
    } else elements.push({ kind: 'literal', character });
  }
  return elements;
}

function escaped(character: string | undefined, pattern: string): string {
  if (character !== undefined && '*?\\}/'.includes(character)) return character;
  throw invalid(`invalid pattern (${pattern}) in substitution: invalid escape '\\${character ?? ''}'`);
}

/** `text` without the shortest, or with `longest` the longest, beginning that matches. */
export function trimPrefix(pattern: ShellPattern, text: string, longest: boolean): string {
  const characters = Array.from(text);
  const end = matchEnd(pattern, characters, 0, longest);
  return end === undefined ? text : characters.slice(end).join('');
}

/** `text` without the shortest or longest ending that matches. */
export function trimSuffix(pattern: ShellPattern, text: string, longest: boolean): string {
  const characters = Array.from(text).toReversed();
  const end = matchEnd(pattern.toReversed(), characters, 0, longest);
  return end === undefined ? text : characters.slice(end).toReversed().join('');
}

/** Replaces the first match, or `all`; each match is the longest at its place. */
export function replaceMatches(
  pattern: ShellPattern,
  text: string,
  replacement: string,
  all: boolean,
): string {
  const literal = literalText(pattern);
  if (literal !== undefined)
    return all ? text.replaceAll(literal, () => replacement) : text.replace(literal, () => replacement);
  const characters = Array.from(text);
  const output: string[] = [];
  let index = 0;
  while (index <= characters.length) {
    const end = matchEnd(pattern, characters, index, true);
    if (end !== undefined) output.push(replacement);
    if (end !== undefined && !all) return [...output, ...characters.slice(end)].join('');
    if (end === undefined || end === index) output.push(characters[index] ?? '');
    index = end === undefined || end === index ? index + 1 : end;
    if (end !== undefined && end === characters.length) break;
  }
  return output.join('');
}

function literalText(pattern: ShellPattern): string | undefined {
  let text = '';
  for (const element of pattern) {
    if (element.kind !== 'literal') return undefined;
    text += element.character;
  }
  return text;
}

/** Where a match that begins at `start` ends; undefined if there is none. */
function matchEnd(
  pattern: ShellPattern,
  text: readonly string[],
  start: number,
  longest: boolean,
): number | undefined {
  let states = withSkippedStars(new Set([0]), pattern);
  let end: number | undefined;
  for (let index = start; ; index += 1) {
    if (states.has(pattern.length)) {
      end = index;
      if (!longest) return end;
    }
    const character = text[index];
    if (character === undefined || states.size === 0) return end;
    states = step(states, pattern, character);
  }
}

function step(states: ReadonlySet<number>, pattern: ShellPattern, character: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const element = pattern[state];
    if (element === undefined) continue;
    if (element.kind === 'literal') {
      if (element.character === character) next.add(state + 1);
    } else if (character !== '\n') next.add(element.kind === 'star' ? state : state + 1);
  }
  return withSkippedStars(next, pattern);
}

/** A star may match nothing: its successor is a state as well. Sets iterate over what is added meanwhile. */
function withSkippedStars(states: Set<number>, pattern: ShellPattern): Set<number> {
  for (const state of states) if (pattern[state]?.kind === 'star') states.add(state + 1);
  return states;
}
