/**
 * A table of files in a form that threads share: lines of JSON, each with some rows, and a descriptor of their
 * contents.
 */
import type { FileEntry } from '../session/build-session.ts';
import { FileTable } from '../contexts/file-table.ts';
import type { StoredEntry } from '../contexts/stored-entry.ts';

export interface PackedTable {
  readonly rows: Uint8Array<SharedArrayBuffer>;
  readonly dataFd: number;
}

type Row = readonly [
  path: string,
  mode: number,
  modifiedNs: string,
  dataOffset: number,
  storedBytes: number,
  linkName: string,
  deviceMajor: number,
  deviceMinor: number,
  xattrs: readonly (readonly [name: string, value: string])[],
];

/** The rows of one line, so that no text holds all files at once. */
const ROWS_PER_LINE = 1000;
const NEWLINE = 10;

export function packTable(entries: readonly StoredEntry[], dataFd: number): PackedTable {
  const lines: Buffer[] = [];
  for (let at = 0; at < entries.length; at += ROWS_PER_LINE)
    lines.push(Buffer.from(`${JSON.stringify(entries.slice(at, at + ROWS_PER_LINE).map(rowOf))}\n`));
  const lengthBytes = lines.reduce((total, { length }) => total + length, 0);
  const rows = new Uint8Array(new SharedArrayBuffer(lengthBytes));
  let at = 0;
  for (const line of lines) {
    rows.set(line, at);
    at += line.length;
  }
  return { rows, dataFd };
}

/** Without the digests of contents. */
export function unpackTable({ rows }: PackedTable): FileTable {
  return new FileTable(entriesIn(rows));
}

function* entriesIn({ buffer, byteOffset, length }: PackedTable['rows']): Generator<StoredEntry, void> {
  const bytes = Buffer.from(buffer, byteOffset, length);
  for (let at = 0; at < length; ) {
    const end = bytes.indexOf(NEWLINE, at);
    const decoded: readonly Row[] = JSON.parse(bytes.toString('utf8', at, end));
    for (const row of decoded) yield storedOf(row);
    at = end + 1;
  }
}

function rowOf({ entry, dataOffset, storedBytes }: StoredEntry): Row {
  const { path, mode, modifiedNs, linkName, deviceMajor, deviceMinor } = entry;
  const xattrs = Object.entries(entry.xattrs).map(
    ([name, value]) => [name, value.toString('base64')] as const,
  );
  return [
    path,
    mode,
    String(modifiedNs),
    dataOffset,
    storedBytes,
    linkName,
    deviceMajor,
    deviceMinor,
    xattrs,
  ];
}

function storedOf(row: Row): StoredEntry {
  const [path, mode, modifiedNs, dataOffset, storedBytes, linkName, deviceMajor, deviceMinor, xattrs] = row;
  const entry: FileEntry = {
    path,
    mode,
    uid: 0,
    gid: 0,
    sizeBytes: storedBytes,
    modifiedNs: BigInt(modifiedNs),
    linkName,
    deviceMajor,
    deviceMinor,
    xattrs:
      xattrs.length === 0
        ? NO_XATTRS
        : Object.fromEntries(xattrs.map(([name, value]) => [name, Buffer.from(value, 'base64')])),
  };
  return { entry, dataOffset, storedBytes, digest: '' };
}

const NO_XATTRS = {};
