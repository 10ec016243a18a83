/** A file cut at its newlines, with a cursor: the parser and its heredocs take lines from it in turn. */
import { DockerfileError } from '../dockerfile-error.ts';

/** BuildKit's scanner refuses longer ones. */
const MAXIMUM_LINE_BYTES = 65_535;

export interface PhysicalLine {
  /** With its line ending, if it has one. */
  readonly raw: string;
  /** Counted from 1. */
  readonly number: number;
}

export class PhysicalLines {
  readonly #text: string;
  #offset = 0;
  #number = 0;

  /** A byte order mark at the start does not count. */
  constructor(text: string) {
    this.#text = text.startsWith('\uFEFF') ? text.slice(1) : text;
  }

  /** The number of the line taken last; 0 before the first. */
  get number(): number {
    return this.#number;
  }

  /**
   * The next line; undefined at the end.
   *
   * @throws {DockerfileError} if it is too long
   */
  take(): PhysicalLine | undefined {
    if (this.#offset >= this.#text.length) return undefined;
    const newline = this.#text.indexOf('\n', this.#offset);
    const end = newline < 0 ? this.#text.length : newline + 1;
    const raw = this.#text.slice(this.#offset, end);
    this.#offset = end;
    this.#number += 1;
    this.#checkLength(raw);
    return { raw, number: this.#number };
  }

  #checkLength(raw: string): void {
    const mayBeLong = raw.length * 3 > MAXIMUM_LINE_BYTES;
    if (!mayBeLong || Buffer.byteLength(raw) <= MAXIMUM_LINE_BYTES) return;
    const place = { line: this.#number, column: 1 };
    throw new DockerfileError(`dockerfile line greater than max allowed size of ${MAXIMUM_LINE_BYTES}`, [
      { start: place, end: place },
    ]);
  }
}

/** Without `\n`, and without any `\r` before it. */
export function withoutNewline(raw: string): string {
  let end = raw.length;
  while (end > 0 && (raw[end - 1] === '\n' || raw[end - 1] === '\r')) end -= 1;
  return raw.slice(0, end);
}
