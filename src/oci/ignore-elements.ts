/** A pattern of `.dockerignore` cut into its elements, and a matcher for any list of them. */
import { EngineError } from '#base/errors.ts';

export type IgnoreElement =
  /** One character, by a regular expression for it. */
  | { readonly kind: 'one'; readonly source: string; readonly test: (character: string) => boolean }
  /** `*`: any characters but a slash. */
  | { readonly kind: 'star' }
  /** `**` in front of something: nothing, or all up to a slash. */
  | { readonly kind: 'directories' }
  /** `**` at the end: anything. */
  | { readonly kind: 'rest' };

/** @throws {EngineError} `invalid` for an open `[` or a final `\` */
export function parseIgnoreElements(pattern: string): readonly IgnoreElement[] {
  const elements: IgnoreElement[] = [];
  const characters = Array.from(pattern);
  let index = 0;
  while (index < characters.length) {
    const [element, next] = elementAt(characters, index, pattern);
    const repeats = element.kind !== 'one' && elements.at(-1)?.kind === element.kind;
    if (!repeats) elements.push(element);
    index = next;
  }
  return elements;
}

type ElementEnd = readonly [IgnoreElement, number];

function elementAt(characters: readonly string[], index: number, pattern: string): ElementEnd {
  const character = characters[index] ?? '';
  if (character === '*') return starAt(characters, index);
  if (character === '?') return [one('[^/]'), index + 1];
  if (character === '[') return setAt(characters, index, pattern);
  if (character !== '\\') return [literal(character), index + 1];
  const escaped = characters[index + 1];
  if (escaped === undefined) throw syntaxError(pattern);
  return [literal(escaped), index + 2];
}

function literal(character: string): IgnoreElement {
  return { kind: 'one', source: escapeLiteral(character), test: (other) => other === character };
}

function one(source: string): IgnoreElement {
  const expression = new RegExp(`^${source}$`, 'su');
  return { kind: 'one', source, test: (character) => expression.test(character) };
}

function starAt(characters: readonly string[], index: number): ElementEnd {
  if (characters[index + 1] !== '*') return [{ kind: 'star' }, index + 1];
  const end = index + (characters[index + 2] === '/' ? 3 : 2);
  return [{ kind: end >= characters.length ? 'rest' : 'directories' }, end];
}

function setAt(characters: readonly string[], start: number, pattern: string): ElementEnd {
  const negated = characters[start + 1] === '^';
  const first = start + (negated ? 2 : 1);
  let index = first;
  let output = '';
  while (characters[index] !== ']' || index === first) {
    const [low, afterLow] = setCharacter(characters, index, pattern);
    const isRange = characters[afterLow] === '-';
    const [high, after] = isRange ? setCharacter(characters, afterLow + 1, pattern) : [low, afterLow];
    if (codePoint(low) <= codePoint(high))
      output += low === high ? escapeLiteral(low) : `${escapeLiteral(low)}-${escapeLiteral(high)}`;
    index = after;
  }
  return [one(`[${negated ? '^' : ''}${output}]`), index + 1];
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

/** By its number, which means the same inside of brackets and outside. */
function escapeLiteral(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\u{${codePoint(character).toString(16)}}` : character;
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function syntaxError(pattern: string): Error {
  return new EngineError('invalid', `syntax error in pattern ${JSON.stringify(pattern)}`);
}

/**
 * Follows all states at once: time is elements times characters, whatever the pattern. State `i` stands before
 * element `i`; state `i` plus {@link inside} is within a `directories` that has begun.
 */
export function matchesElements(elements: readonly IgnoreElement[], path: string): boolean {
  let states = withSkipped(new Set([0]), elements);
  for (const character of path) {
    const next = step(states, elements, character);
    if (next.size === 0) return false;
    states = withSkipped(next, elements);
  }
  return states.has(elements.length);
}

/** The states after one more character. */
function step(
  states: ReadonlySet<number>,
  elements: readonly IgnoreElement[],
  character: string,
): Set<number> {
  const inside = elements.length + 1;
  const next = new Set<number>();
  for (const state of states) {
    const index = state >= inside ? state - inside : state;
    const element = elements[index];
    if (element?.kind === 'directories') {
      next.add(index + inside);
      if (character === '/') next.add(index + 1);
    } else if (element?.kind === 'one') {
      if (element.test(character)) next.add(index + 1);
    } else if (element?.kind === 'rest' || (element?.kind === 'star' && character !== '/')) next.add(index);
  }
  return next;
}

/** All but `one` may match nothing. Sets iterate over what is added meanwhile. */
function withSkipped(states: Set<number>, elements: readonly IgnoreElement[]): Set<number> {
  for (const state of states) {
    const element = elements[state];
    if (element !== undefined && element.kind !== 'one') states.add(state + 1);
  }
  return states;
}
