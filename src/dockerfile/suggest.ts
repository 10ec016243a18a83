import { editDistance } from '#base/edit-distance.ts';

/** "did you mean …?": the nearest known word, for typing mistakes of at most two letters. */
const MAXIMUM_DISTANCE = 2;
/** Longer words are not compared: this bounds the work on hostile input. */
const MAXIMUM_LENGTH = 64;

/**
 * The option nearest to `word`; undefined if none is near, or `word` is an option itself.
 * Without `caseSensitive` the answer takes the case of `word` where that is all lower or all upper.
 */
export function suggestion(
  word: string,
  options: Iterable<string>,
  caseSensitive = true,
): string | undefined {
  if (word.length > MAXIMUM_LENGTH) return undefined;
  const wanted = caseSensitive ? word : word.toLowerCase();
  let best: string | undefined;
  let bestDistance = MAXIMUM_DISTANCE + 1;
  for (const option of options) {
    const candidate = caseSensitive ? option : option.toLowerCase();
    if (candidate === wanted) return undefined;
    if (Math.abs(wanted.length - candidate.length) > MAXIMUM_DISTANCE) continue;
    const distance = editDistance(wanted, candidate);
    if (distance < bestDistance) {
      best = caseSensitive ? option : matchCase(candidate, word);
      bestDistance = distance;
    }
  }
  return best;
}

/** ` (did you mean X?)`, or nothing. */
export function suggestionSuffix(word: string, options: Iterable<string>, caseSensitive = true): string {
  const match = suggestion(word, options, caseSensitive);
  return match === undefined ? '' : ` (did you mean ${match}?)`;
}

function matchCase(option: string, word: string): string {
  return word === word.toUpperCase() ? option.toUpperCase() : option;
}
