/**
 * Lays out lines of tab-separated cells as Docker's tables are (Go's text/tabwriter with a least width of 10 and
 * three spaces between): a column is as wide as its widest cell among neighbouring lines that have it, and the last
 * cell of a line is not padded.
 */
export function layOutTable(lines: readonly string[], minimumWidth = 10, padding = 3): string {
  const rows = lines.map((line) =>
    line.split('\t').map((text) => ({ text, width: widthOf(text), column: 0 })),
  );
  const most = rows.reduce((longest, cells) => Math.max(longest, cells.length), 0);
  for (let column = 0; column < most - 1; column++) {
    for (const [from, to] of runs(rows, column)) {
      let width = minimumWidth;
      for (let row = from; row < to; row++)
        width = Math.max(width, (rows[row]?.[column]?.width ?? 0) + padding);
      for (let row = from; row < to; row++) {
        const cell = rows[row]?.[column];
        if (cell) cell.column = width;
      }
    }
  }
  return rows.map((cells) => `${cells.map(padded).join('')}\n`).join('');
}

interface Cell {
  readonly text: string;
  readonly width: number;
  /** The width of its column; 0 for the last cell of a line. */
  column: number;
}

function padded({ text, width, column }: Cell): string {
  return column > width ? text + ' '.repeat(column - width) : text;
}

/** Stretches of neighbouring lines that have a cell, terminated by a tab, in `column`. */
function runs(
  rows: readonly (readonly Cell[])[],
  column: number,
): readonly (readonly [from: number, to: number])[] {
  const found: [number, number][] = [];
  for (const [index, cells] of rows.entries()) {
    if (cells.length <= column + 1) continue;
    const last = found.at(-1);
    if (last?.[1] === index) last[1] = index + 1;
    else found.push([index, index + 1]);
  }
  return found;
}

const ASCII = /^[\x20-\x7e]*$/;

/** Code points, as Go counts them. */
function widthOf(text: string): number {
  // Nearly every cell is ASCII; walking code points is much slower.
  return ASCII.test(text) ? text.length : Array.from(text).length;
}
