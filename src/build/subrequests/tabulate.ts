/** Rows in columns, each as wide as its widest cell and `padding` blanks; the last column has no end. */
export function tabulate(rows: readonly (readonly string[])[], padding: number): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries())
      widths[index] = Math.max(widths[index] ?? 0, cell.length + padding);
  return rows
    .map((row) => row.map((cell, index) => (index < row.length - 1 ? cell.padEnd(widths[index] ?? 0) : cell)))
    .map((cells) => `${cells.join('')}\n`)
    .join('');
}
