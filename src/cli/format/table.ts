/**
 * Lays out lines of tab-separated cells as Docker's tables are (Go's text/tabwriter with a least width of 10 and
 * three spaces between): a column is as wide as its widest cell among neighbouring lines that have it, and the last
 * cell of a line is not padded.
 */
export function layOutTable(lines: readonly string[], minimumWidth = 10, padding = 3): string {
  const rows = lines.map((line) => line.split('\t'));
  const widths = rows.map((cells) => cells.map(() => 0));
  for (let column = 0; rows.some((cells) => cells.length > column + 1); column++) {
    for (const [from, to] of runs(rows, column)) {
      const width = widest(rows.slice(from, to), column, minimumWidth, padding);
      for (const row of widths.slice(from, to)) row[column] = width;
    }
  }
  return rows.map((cells, row) => `${joinCells(cells, widths[row] ?? [])}\n`).join('');
}

/** Stretches of neighbouring lines that have a cell, terminated by a tab, in `column`. */
function runs(
  rows: readonly (readonly string[])[],
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

function widest(
  rows: readonly (readonly string[])[],
  column: number,
  minimum: number,
  padding: number,
): number {
  return Math.max(minimum, ...rows.map((cells) => widthOf(cells[column] ?? '') + padding));
}

function joinCells(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) =>
      column === cells.length - 1
        ? cell
        : cell + ' '.repeat(Math.max((widths[column] ?? 0) - widthOf(cell), 0)),
    )
    .join('');
}

/** Code points, as Go counts them. */
function widthOf(text: string): number {
  return Array.from(text).length;
}
