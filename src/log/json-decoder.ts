import { fieldsOf, tryParseJson } from '#base/json.ts';
import type { LogRecord, OutputStream } from './log.ts';
import { parseTimestamp } from './parse-timestamp.ts';

const NEWLINE = 10;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const LETTER_E = 0x65;

const LETTER_Z = 0x5a;
const ZERO = 0x30;
const DOT = 0x2e;
/** `2026-11-24T08:59:19` */
const SECONDS_LENGTH = 19;

const PREFIX = Buffer.from('{"log":"');
const STREAM = Buffer.from(',"stream":"std');
const TIME = Buffer.from('"time":"');
/** What stands between the end of {@link STREAM} and the time where there are no attributes: `out",`. */
const TIME_DISTANCE = 5;

/** The one byte that a short escape stands for. */
const shortEscapes = new Uint8Array(128);
for (const [letter, text] of Object.entries({
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
  '"': '"',
  '\\': '\\',
  '/': '/',
})) {
  shortEscapes[letter.charCodeAt(0)] = text.charCodeAt(0);
}

/** One entry of a block. */
interface Entry {
  readonly stream: OutputStream;
  /** Where its decoded bytes end in the output, and where the next entry begins in the block. */
  readonly outputEnd: number;
  readonly next: number;
  /** Where its time begins in the block. */
  readonly time: number;
}

/**
 * Decodes whole lines of Docker's json-file format. Entries in the shape in which Docker and we write them are
 * decoded from bytes to bytes; others by JSON.parse; what is not an entry is left out.
 */
export class JsonDecoder {
  readonly #block: Buffer;
  readonly #output: Buffer;
  /** The text of the second that was parsed last, and what it means. */
  #second = Buffer.from('-');
  #secondNs = 0n;

  /** @param block ends with a newline, or is empty */
  constructor(block: Buffer) {
    this.#block = block;
    // Decoded bytes are never more than encoded ones.
    this.#output = Buffer.allocUnsafeSlow(block.length);
  }

  /** One record for each entry, with its place in the block. */
  *entries(): Generator<{ readonly offset: number; readonly record: LogRecord }> {
    let output = 0;
    for (let offset = 0; offset < this.#block.length; ) {
      const entry = this.#decode(offset, output);
      const next = entry?.next ?? this.#lineEnd(offset);
      if (entry) {
        const record = this.#record(entry.stream, this.#time(entry), output, entry.outputEnd);
        if (record) yield { offset, record };
        output = entry.outputEnd;
      } else {
        const record = parseEntry(this.#block.toString('utf8', offset, next));
        if (record) yield { offset, record };
      }
      offset = next;
    }
  }

  /** Joins entries of one stream that follow each other into one record, which has the time of the first. */
  merged(): readonly LogRecord[] {
    const records: LogRecord[] = [];
    let begun: { readonly entry: Entry; readonly output: number } | undefined;
    let output = 0;
    const finish = () => {
      if (!begun) return;
      const record = this.#record(begun.entry.stream, this.#time(begun.entry), begun.output, output);
      if (record) records.push(record);
      begun = undefined;
    };
    for (let offset = 0; offset < this.#block.length; ) {
      const entry = this.#decode(offset, output);
      if (!entry || entry.stream !== begun?.entry.stream) finish();
      if (entry) {
        begun ??= { entry, output };
        output = entry.outputEnd;
        offset = entry.next;
      } else {
        const next = this.#lineEnd(offset);
        const record = parseEntry(this.#block.toString('utf8', offset, next));
        if (record) records.push(record);
        offset = next;
      }
    }
    finish();
    return records;
  }

  #record(
    stream: OutputStream,
    timeNs: bigint | undefined,
    start: number,
    end: number,
  ): LogRecord | undefined {
    if (timeNs === undefined) return undefined;
    const data = this.#output.subarray(start, end);
    return { stream, timeNs, data, partial: data.at(-1) !== NEWLINE };
  }

  #lineEnd(offset: number): number {
    const end = this.#block.indexOf(NEWLINE, offset);
    return end < 0 ? this.#block.length : end + 1;
  }

  #matches(expected: Buffer, offset: number): boolean {
    for (let index = 0; index < expected.length; index++) {
      if (this.#block[offset + index] !== expected[index]) return false;
    }
    return true;
  }

  /** The entry at `offset`, its text decoded to `output`; undefined if it has not the usual shape. */
  #decode(offset: number, output: number): Entry | undefined {
    if (!this.#matches(PREFIX, offset)) return undefined;
    const block = this.#block;
    const target = this.#output;
    let from = offset + PREFIX.length;
    let to = output;
    for (let byte = block[from]; byte !== QUOTE; byte = block[from]) {
      if (byte === undefined || byte === NEWLINE) return undefined;
      if (byte !== BACKSLASH) {
        target[to++] = byte;
        from++;
        continue;
      }
      const letter = block[from + 1] ?? 0;
      if (letter === LETTER_U) {
        const { character, length } = this.#unicodeEscape(from);
        to += target.write(character, to);
        from += length;
      } else {
        target[to++] = shortEscapes[letter] ?? 0;
        from += 2;
      }
    }
    from++;
    if (!this.#matches(STREAM, from)) return undefined;
    const stream = block[from + STREAM.length] === LETTER_E ? 'stderr' : 'stdout';
    const next = this.#endAfter(from + STREAM.length);
    const time = this.#timeStart(from + STREAM.length, next);
    return time === undefined ? undefined : { stream, outputEnd: to, next, time };
  }

  /** Short enough a way that a loop beats a call. */
  #endAfter(offset: number): number {
    const block = this.#block;
    let end = offset;
    while (end < block.length && block[end] !== NEWLINE) end++;
    return end + 1;
  }

  /** `\uXXXX`, or two of them that are a surrogate pair. */
  #unicodeEscape(offset: number): { readonly character: string; readonly length: number } {
    const first = this.#hex(offset + 2);
    const isHigh = first >= 0xd800 && first < 0xdc00;
    if (isHigh && this.#block[offset + 6] === BACKSLASH && this.#block[offset + 7] === LETTER_U) {
      const second = this.#hex(offset + 8);
      if (second >= 0xdc00 && second < 0xe000) {
        return { character: String.fromCharCode(first, second), length: 12 };
      }
    }
    return { character: String.fromCharCode(first), length: 6 };
  }

  #hex(offset: number): number {
    const code = Number.parseInt(this.#block.toString('latin1', offset, offset + 4), 16);
    return Number.isNaN(code) ? 0xfffd : code;
  }

  /** The time is the last field, after the stream or after the attributes. */
  #timeStart(after: number, next: number): number | undefined {
    if (this.#matches(TIME, after + TIME_DISTANCE)) return after + TIME_DISTANCE + TIME.length;
    const start = this.#block.lastIndexOf(TIME, next - 1);
    return start < after ? undefined : start + TIME.length;
  }

  #time({ time, next }: Entry): bigint | undefined {
    const block = this.#block;
    const fraction = time + SECONDS_LENGTH + 1;
    if (block[fraction - 1] !== DOT || !this.#matches(this.#second, time)) return this.#slowTime(time, next);
    let nanoseconds = 0;
    let at = fraction;
    for (; isDigit(block[at]); at++) nanoseconds = nanoseconds * 10 + (block[at] ?? 0) - ZERO;
    if (block[at] !== LETTER_Z || at - fraction > 9) return this.#slowTime(time, next);
    return this.#secondNs + BigInt(nanoseconds * 10 ** (9 - (at - fraction)));
  }

  /** Remembers the second: most entries share it with the one before. */
  #slowTime(time: number, next: number): bigint | undefined {
    const text = this.#block.toString('latin1', time, next);
    const timeNs = parseTimestamp(text.slice(0, Math.max(0, text.indexOf('"'))));
    if (timeNs !== undefined && text[SECONDS_LENGTH] === '.' && text.includes('Z"')) {
      this.#second = Buffer.from(text.slice(0, SECONDS_LENGTH));
      this.#secondNs = timeNs - (timeNs % 1_000_000_000n);
    }
    return timeNs;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
}

function parseEntry(line: string): LogRecord | undefined {
  const { log, time, stream } = fieldsOf(tryParseJson(line));
  if (typeof log !== 'string' || typeof time !== 'string') return undefined;
  const timeNs = parseTimestamp(time);
  if (timeNs === undefined) return undefined;
  return {
    stream: stream === 'stderr' ? 'stderr' : 'stdout',
    timeNs,
    data: Buffer.from(log),
    partial: !log.endsWith('\n'),
  };
}
