/** An error with the lines it is about, the way BuildKit prints them. */
import type { Range, SourceFile } from './ast.ts';

const RULE = '--------------------';

/**
 * The lines of `ranges`, marked `>>>`, with two to four around them; empty if there are none.
 * Ends with a newline.
 */
export function formatSnippet(source: SourceFile, ranges: readonly Range[]): string {
  const lines = source.text.split('\n');
  const first = Math.min(...ranges.map(({ start }) => start.line));
  const last = Math.min(lines.length, Math.max(...ranges.map(lastLine)));
  if (ranges.length === 0 || first < 1 || first > lines.length) return '';
  const [from, to] = withContext(first, last, lines.length);
  let output = `${source.name}:${first}\n${RULE}\n`;
  for (let number = from; number <= to; number += 1) {
    const marked = ranges.some((range) => range.start.line <= number && lastLine(range) >= number);
    const text = (lines[number - 1] ?? '').replace(/\r$/, '');
    output += ` ${String(number).padStart(3)} | ${marked ? '>>>' : '   '} ${text}\n`;
  }
  return `${output}${RULE}\n`;
}

function lastLine({ start, end }: Range): number {
  return Math.max(start.line, end.line);
}

/** One line gets more around it than several do; each round grows both ends as far as the file goes. */
function withContext(first: number, last: number, count: number): readonly [number, number] {
  const wanted = first === last ? 4 : 2;
  let [from, to] = [first, last];
  for (let added = 0; added < wanted; added += 1) {
    if (from > 1) {
      from -= 1;
      added += 1;
    }
    if (to < count) {
      to += 1;
      added += 1;
    }
  }
  return [from, to];
}
