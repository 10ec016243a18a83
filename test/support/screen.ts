/**
 * What a terminal shows after a program wrote `output`: enough of a VT100 for programs that redraw lines in place.
 * Lines that are too long wrap, and what leaves the screen cannot be reached again, as on real ones.
 */
export function screenAfter(
  output: string,
  { rows, columns }: { rows: number; columns: number },
): readonly string[] {
  const screen = new Screen(rows, columns);
  for (const [token] of output.matchAll(TOKENS)) screen.take(token);
  return screen.lines.map((line) => line.trimEnd());
}

/** Control sequences, and everything else a character at a time. */
const ESCAPE = '\u001b';
const TOKENS = new RegExp(`${ESCAPE}\\[[?\\d;]*[A-Za-z]|[^]`, 'gu');

class Screen {
  readonly lines: string[] = [''];
  readonly #rows: number;
  readonly #columns: number;
  #row = 0;
  #column = 0;

  constructor(rows: number, columns: number) {
    this.#rows = rows;
    this.#columns = columns;
  }

  take(token: string): void {
    if (token === '\r') this.#column = 0;
    else if (token === '\n') this.#move(this.#row + 1);
    else if (token.startsWith(ESCAPE)) this.#control(token);
    else this.#print(token);
  }

  #control(token: string): void {
    const count = Number(/\d+/.exec(token)?.[0] ?? 1);
    const top = Math.max(0, this.lines.length - this.#rows);
    if (token.endsWith('A')) this.#row = Math.max(top, this.#row - count);
    else if (token.endsWith('B')) this.#row = Math.min(this.lines.length - 1, this.#row + count);
    else if (token.endsWith('K')) this.lines[this.#row] = '';
  }

  #print(character: string): void {
    if (this.#column === this.#columns) {
      this.#move(this.#row + 1);
      this.#column = 0;
    }
    const line = (this.lines[this.#row] ?? '').padEnd(this.#column);
    this.lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }

  #move(row: number): void {
    this.#row = row;
    while (this.lines.length <= row) this.lines.push('');
  }
}
