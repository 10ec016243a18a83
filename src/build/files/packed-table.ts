/** A table of files in a form that threads share: rows in JSON, and a descriptor of their contents. */
import type { FileEntry } from '../build-session.ts';
import { FileTable, type StoredEntry } from '../contexts/file-table.ts';

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

export function packTable(entries: readonly StoredEntry[], dataFd: number): PackedTable {
  const bytes = Buffer.from(JSON.stringify(entries.map(rowOf)));
  const rows = new Uint8Array(new SharedArrayBuffer(bytes.length));
  rows.set(bytes);
  return { rows, dataFd };
}

/** Without the digests of contents. */
export function unpackTable({ rows }: PackedTable): FileTable {
  const decoded: readonly Row[] = JSON.parse(Buffer.from(rows).toString());
  return new FileTable(decoded.map(storedOf));
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
    xattrs: Object.fromEntries(xattrs.map(([name, value]) => [name, Buffer.from(value, 'base64')])),
  };
  return { entry, dataOffset, storedBytes, digest: NO_DIGEST };
}

const NO_DIGEST = Buffer.alloc(0);
