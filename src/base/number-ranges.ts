/** Lists of numbers as the kernel and its users write them: `0-3,5` (cpuset(7)). */
export type NumberRanges = readonly (readonly [first: number, last: number])[];

/** Undefined for what is no such list. The empty text is the empty list. */
export function parseNumberRanges(text: string): NumberRanges | undefined {
  if (text === '') return [];
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return undefined;
  const ranges = text.split(',').map((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return [first, last] as const;
  });
  return ranges.every(([first, last]) => first <= last) ? ranges : undefined;
}

/** True if each number of `inner` is in `outer`, whose ranges are as long as they can be. */
export function isWithin(inner: NumberRanges, outer: NumberRanges): boolean {
  return inner.every(([first, last]) => outer.some(([start, end]) => start <= first && last <= end));
}
