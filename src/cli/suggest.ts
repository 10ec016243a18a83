import { editDistance } from '#base/edit-distance.ts';

/** The candidates that `word` may have been meant to be, nearest first; none where nothing is near. */
export function nearest(word: string, candidates: Iterable<string>, limit = 1): readonly string[] {
  const most = Math.max(1, Math.floor(word.length / 3));
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: distanceOrPrefix(word, candidate) }))
    .filter(({ distance }) => distance <= most)
    .toSorted((one, other) => one.distance - other.distance)
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

function distanceOrPrefix(word: string, candidate: string): number {
  if (word === candidate) return 0;
  if (word.length >= 3 && candidate.startsWith(word)) return 1;
  return editDistance(word.toLowerCase(), candidate.toLowerCase());
}
