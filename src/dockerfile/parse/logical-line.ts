/** Physical lines joined at continuations, each character still knowing its place. */
import type { Position, Range, Token } from '../ast.ts';

interface Segment {
  /** Where in the joined text it begins. */
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

export class LogicalLine {
  #parts: string[] = [];
  #length = 0;
  readonly #segments: Segment[] = [];

  /** Appends what stands at `column` of `line`. */
  append(text: string, line: number, column: number): void {
    this.#segments.push({ offset: this.#length, line, column });
    this.#parts.push(text);
    this.#length += text.length;
  }

  get text(): string {
    if (this.#parts.length > 1) this.#parts = [this.#parts.join('')];
    return this.#parts[0] ?? '';
  }

  /** Where the character at `offset` stands; at a seam, the end of the earlier part if `atEnd`. */
  position(offset: number, atEnd = false): Position {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const begins = this.#segments[middle]?.offset ?? 0;
      if (atEnd && middle > 0 ? begins < offset : begins <= offset) low = middle;
      else high = middle - 1;
    }
    const segment = this.#segments[low] ?? { offset: 0, line: 1, column: 1 };
    return { line: segment.line, column: segment.column + offset - segment.offset };
  }

  range(start: number, end: number): Range {
    return { start: this.position(start), end: this.position(end, end > start) };
  }

  /** The text between two offsets, or `text` in its place where quotes or escapes are gone. */
  token(start: number, end: number, text = this.text.slice(start, end)): Token {
    return { text, range: this.range(start, end) };
  }
}
