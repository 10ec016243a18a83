/** Output of which one can tell what is missing: lines of equal length that count up. */

const FIRST = 1_000_000;

/**
 * A shell script that prints numbered lines as single writes, some tens of thousands a second, until there is a file
 * /stop, and exits with `exitCode`.
 */
export function printNumberedLines(exitCode: number): string {
  return (
    `i=${FIRST}; while [ ! -e /stop ]; do ` +
    `n=$((i + 50)); while [ $i -lt $n ]; do echo $i; i=$((i + 1)); done; usleep 1000; done; exit ${exitCode}`
  );
}

/** What the script prints; with a TTY, lines end as the terminal ends them. */
export function numberedLines(count: number, lineEnd = '\n'): string {
  return Array.from({ length: count }, (_, index) => `${FIRST + index}${lineEnd}`).join('');
}

/** How many lines the script has printed, by its last one. */
export function countLines(output: string): number {
  return Number(output.trimEnd().split('\n').at(-1)) - FIRST + 1;
}

export interface Gap {
  readonly offset: number;
  readonly length: number;
}

/** Long enough to be found only once in numbered lines. */
const ANCHOR_BYTES = 24;

/**
 * The parts of `expected` that `actual` lacks. Anything in `actual` that is not in its place in `expected` is an error:
 * doubled, changed or reordered output.
 */
export function findGaps(expected: string, actual: string): readonly Gap[] {
  const gaps: Gap[] = [];
  let offset = 0;
  for (let index = 0; index < actual.length; ) {
    const run = commonLength(expected, offset, actual, index);
    offset += run;
    index += run;
    if (index === actual.length) break;
    const found = expected.indexOf(actual.slice(index, index + ANCHOR_BYTES), offset);
    if (found < 0)
      throw new Error(`not in its place: ${JSON.stringify(actual.slice(index - 40, index + 40))}`);
    gaps.push({ offset, length: found - offset });
    offset = found;
  }
  if (offset < expected.length) gaps.push({ offset, length: expected.length - offset });
  return gaps;
}

function commonLength(left: string, leftStart: number, right: string, rightStart: number): number {
  const most = Math.min(left.length - leftStart, right.length - rightStart);
  let length = 0;
  while (length < most && left.charCodeAt(leftStart + length) === right.charCodeAt(rightStart + length))
    length++;
  return length;
}
