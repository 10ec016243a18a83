/** PAX extended headers: records `LENGTH KEY=VALUE\n` (POSIX.1-2001 pax, "pax Extended Header"). */
import { malformed } from './tar-header.ts';

const XATTR_PREFIX = 'SCHILY.xattr.';

/** What the records of one extended header say. An empty value takes back what a global header said. */
export interface PaxRecords {
  readonly values: Map<string, Buffer>;
  readonly xattrs: Map<string, Buffer>;
  /** GNU.sparse 0.0 repeats its keys: offset, length, offset, length, … */
  readonly sparseNumbers: number[];
}

function emptyPax(): PaxRecords {
  return { values: new Map(), xattrs: new Map(), sparseNumbers: [] };
}

/** @throws {EngineError} `invalid` if a record's length or shape is wrong */
export function decodePax(data: Buffer): PaxRecords {
  const records = emptyPax();
  for (let at = 0; at < data.length; ) {
    if (data[at] === 0) break;
    const space = data.indexOf(0x20, at);
    const end = at + recordLength(data, at, space);
    const equals = data.indexOf(0x3d, space);
    if (end > data.length || data[end - 1] !== 0x0a || equals < 0 || equals >= end)
      throw malformed('invalid PAX record');
    addRecord(
      records,
      data.toString('utf8', space + 1, equals),
      Buffer.from(data.subarray(equals + 1, end - 1)),
    );
    at = end;
  }
  return records;
}

function recordLength(data: Buffer, start: number, space: number): number {
  if (space < 0 || space - start > 10 || space === start) throw malformed('invalid PAX record');
  const length = Number(data.toString('latin1', start, space));
  if (!Number.isInteger(length) || length <= space - start + 2) throw malformed('invalid PAX record');
  return length;
}

function addRecord(records: PaxRecords, key: string, value: Buffer): void {
  if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
    records.sparseNumbers.push(paxInteger(value));
  else if (key.startsWith(XATTR_PREFIX)) records.xattrs.set(key.slice(XATTR_PREFIX.length), value);
  else records.values.set(key, value);
}

/** @throws {EngineError} `invalid` unless it is a decimal integer from 0 to 2^53-1 */
export function paxInteger(value: Buffer): number {
  const text = value.toString('latin1');
  const number = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(number))
    throw malformed('invalid number in a PAX record');
  return number;
}

/** Decimal seconds with a fraction, `-1.5` included, as nanoseconds; digits beyond the ninth are dropped. */
export function paxTimeNs(value: Buffer): bigint {
  const match = /^(-?)([0-9]{1,18})(?:\.([0-9]*))?$/.exec(value.toString('latin1'));
  if (!match) throw malformed('invalid time in a PAX record');
  const [, sign, seconds = '0', fraction = ''] = match;
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -ns : ns;
}

/** Records in order of their keys, so that equal entries give equal bytes. */
export function encodePax(records: ReadonlyMap<string, Buffer>): Buffer {
  const keys = [...records.keys()].toSorted();
  return Buffer.concat(keys.map((key) => encodeRecord(key, records.get(key) ?? Buffer.alloc(0))));
}

export function xattrKey(name: string): string {
  return XATTR_PREFIX + name;
}

export function encodePaxTime(ns: bigint): Buffer {
  const absolute = ns < 0n ? -ns : ns;
  const fraction = String(absolute % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const seconds = `${ns < 0n ? '-' : ''}${absolute / 1_000_000_000n}`;
  return Buffer.from(fraction ? `${seconds}.${fraction}` : seconds);
}

/** The length counts its own digits, so it is found by trying. */
function encodeRecord(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}
