/** A header as rpm stores it (rpm.org, "RPM V4 package format", without the magic): an index, and what it points at. */
import { EngineError } from '#base/errors.ts';

export interface RpmPackage {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  /** 0 where it has none. */
  readonly epoch: number;
  /** Empty for keys, which are in the database as if they were packages. */
  readonly architecture: string;
  readonly license: string;
  /** The file name of the source package. */
  readonly sourcePackage: string;
}

/** rpmtag.h */
const TAGS = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  license: 1014,
  architecture: 1022,
  sourcePackage: 1044,
} as const;

const INT32 = 4;
const STRING = 6;
const I18N_STRING = 9;
const PREAMBLE_BYTES = 8;
const ENTRY_BYTES = 16;
/** rpm's own limits. */
const MAXIMUM_ENTRIES = 0xffff;

/** @throws {EngineError} `invalid` for what points out of itself */
export function parseRpmHeader(header: Buffer): RpmPackage {
  const fields = new HeaderFields(header);
  return {
    name: fields.text(TAGS.name),
    version: fields.text(TAGS.version),
    release: fields.text(TAGS.release),
    epoch: fields.number(TAGS.epoch),
    architecture: fields.text(TAGS.architecture),
    license: fields.text(TAGS.license),
    sourcePackage: fields.text(TAGS.sourcePackage),
  };
}

class HeaderFields {
  readonly #entries = new Map<number, { readonly type: number; readonly offset: number }>();
  readonly #data: Buffer;

  constructor(header: Buffer) {
    if (header.length < PREAMBLE_BYTES) throw damaged();
    const [count, dataBytes] = [header.readUInt32BE(0), header.readUInt32BE(4)];
    const dataAt = PREAMBLE_BYTES + count * ENTRY_BYTES;
    if (count > MAXIMUM_ENTRIES || dataAt + dataBytes > header.length) throw damaged();
    this.#data = header.subarray(dataAt, dataAt + dataBytes);
    for (let at = PREAMBLE_BYTES; at < dataAt; at += ENTRY_BYTES) {
      const entry = { type: header.readUInt32BE(at + 4), offset: header.readUInt32BE(at + 8) };
      this.#entries.set(header.readUInt32BE(at), entry);
    }
  }

  /** The text of a tag; empty where there is none. */
  text(tag: number): string {
    const entry = this.#entries.get(tag);
    if (!entry || (entry.type !== STRING && entry.type !== I18N_STRING)) return '';
    const end = this.#data.indexOf(0, entry.offset);
    if (end < 0) throw damaged();
    return this.#data.toString('utf8', entry.offset, end);
  }

  number(tag: number): number {
    const entry = this.#entries.get(tag);
    if (entry?.type !== INT32) return 0;
    if (entry.offset + 4 > this.#data.length) throw damaged();
    return this.#data.readUInt32BE(entry.offset);
  }
}

function damaged(): EngineError {
  return new EngineError('invalid', 'a header of the database is damaged');
}
