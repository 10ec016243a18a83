import { formatTimestamp } from '#base/timestamps.ts';
import type { LogRecord } from './log.ts';
import { utf8SequenceLength } from './utf8.ts';

const NEWLINE = 10;
const BACKSLASH = 0x5c;
/** Longer lines are stored as several entries, of which only the last ends with a newline. */
const MAXIMUM_ENTRY_BYTES = 16 * 1024;
/** What one input byte can become: `\u001f`. */
const WORST_FACTOR = 6;

const PLAIN = 0;
const WIDE = 255;

/** What to do with a byte: copy it, look at the whole character, or write the escape of this number. */
const kinds = new Uint8Array(256);
const escapes: Buffer[] = [Buffer.alloc(0)];

/** encoding/json of Go with HTML escaping, as Docker's own encoder does it. */
function escapeAs(byte: number, text: string): void {
  kinds[byte] = escapes.length;
  escapes.push(Buffer.from(text));
}

for (let byte = 0; byte < 0x20; byte++) escapeAs(byte, `\\u${byte.toString(16).padStart(4, '0')}`);
escapeAs(0x0a, '\\n');
escapeAs(0x0d, '\\r');
escapeAs(0x22, '\\"');
escapeAs(BACKSLASH, '\\\\');
escapeAs(0x26, '\\u0026');
escapeAs(0x3c, '\\u003c');
escapeAs(0x3e, '\\u003e');
kinds.fill(WIDE, 0x80);

const PREFIX = Buffer.from('{"log":"');
const REPLACEMENT = Buffer.from('\\ufffd');
const LINE_SEPARATOR = Buffer.from('\\u2028');
const PARAGRAPH_SEPARATOR = Buffer.from('\\u2029');

/**
 * Writes records as lines of Docker's json-file format into one buffer that it reuses. `flush` gets each full
 * buffer, always whole entries, and must be done with it when it returns.
 */
export class JsonEncoder {
  readonly #attributes: string;
  #buffer = Buffer.allocUnsafeSlow(1 << 20);
  #length = 0;

  /** @param attributes are written with every entry where there are any */
  constructor(attributes: Readonly<Record<string, string>> = {}) {
    const names = Object.keys(attributes).toSorted();
    const sorted = Object.fromEntries(names.map((name) => [name, attributes[name]]));
    this.#attributes = names.length > 0 ? `,"attrs":${JSON.stringify(sorted)}` : '';
  }

  /** @param limit called after each entry with the bytes that wait; true: flush them now */
  encode(
    record: LogRecord,
    flush: (entries: Buffer) => void,
    limit?: (pendingBytes: number) => boolean,
  ): void {
    const { data } = record;
    const tail = Buffer.from(
      `","stream":"${record.stream}"${this.#attributes},"time":"${formatTimestamp(record.timeNs)}"}\n`,
    );
    const room = PREFIX.length + MAXIMUM_ENTRY_BYTES * WORST_FACTOR + tail.length;
    for (let start = 0; start < data.length; ) {
      if (this.#length + room > this.#buffer.length) this.#flush(flush, room);
      start = this.#encodeEntry(data, start, tail);
      if (limit?.(this.#length)) this.#flush(flush, room);
    }
    this.#flush(flush, 0);
  }

  #flush(flush: (entries: Buffer) => void, room: number): void {
    if (this.#length > 0) {
      const entries = this.#buffer.subarray(0, this.#length);
      this.#length = 0;
      flush(entries);
    }
    if (room > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(room);
  }

  /** One line, or as much of it as one entry holds; returns where the next begins. */
  #encodeEntry(data: Buffer, start: number, tail: Buffer): number {
    const output = this.#buffer;
    let to = this.#length;
    for (let index = 0; index < PREFIX.length; index++) output[to++] = PREFIX[index] ?? 0;
    const limit = Math.min(data.length, start + MAXIMUM_ENTRY_BYTES);
    let from = start;
    while (from < limit) {
      const byte = data[from] ?? 0;
      const kind = kinds[byte] ?? PLAIN;
      if (kind === PLAIN) {
        output[to++] = byte;
        from++;
      } else if (kind === WIDE) {
        const size = utf8SequenceLength(data, from);
        // A character that does not fit begins the next entry, if the data has all of it.
        if (from + size > limit && from > start) break;
        to = this.#writeWide(data, from, size, to);
        from += Math.max(size, 1);
      } else {
        to = write(escapes[kind] ?? REPLACEMENT, output, to);
        from++;
        if (byte === NEWLINE) break;
      }
    }
    this.#length = write(tail, output, to);
    return from;
  }

  /** A character beyond ASCII, of `size` bytes; 0: an invalid byte. */
  #writeWide(data: Buffer, from: number, size: number, at: number): number {
    const output = this.#buffer;
    if (size === 0) return write(REPLACEMENT, output, at);
    if (size === 3 && data[from] === 0xe2 && data[from + 1] === 0x80) {
      if (data[from + 2] === 0xa8) return write(LINE_SEPARATOR, output, at);
      if (data[from + 2] === 0xa9) return write(PARAGRAPH_SEPARATOR, output, at);
    }
    let to = at;
    for (let index = 0; index < size; index++) output[to++] = data[from + index] ?? 0;
    return to;
  }
}

function write(bytes: Buffer, output: Buffer, at: number): number {
  let to = at;
  for (let index = 0; index < bytes.length; index++) output[to++] = bytes[index] ?? 0;
  return to;
}
