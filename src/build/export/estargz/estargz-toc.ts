/** The table of contents of an eStargz layer (containerd/stargz-snapshotter, docs/estargz.md). */
import { createHash } from 'node:crypto';
import { EngineError } from '#base/errors.ts';
import type { TarEntry, TarEntryType } from '#oci/tar-header.ts';

export const TOC_NAME = 'stargz.index.json';
/** As much of a file as one member has. */
const CHUNK_BYTES = 4 << 20;
const NANOSECONDS = 1_000_000_000n;

/** One line of the table; the names are the format's. */
export interface TocEntry {
  name: string;
  type: string;
  size?: number;
  modtime?: string;
  linkName?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** The offset of the member in the layer. */
  offset?: number;
  devMajor?: number;
  devMinor?: number;
  /** In base64. */
  xattrs?: Readonly<Record<string, string>>;
  digest?: string;
  chunkOffset?: number;
  /** Absent: to the end of the file. */
  chunkSize?: number;
  chunkDigest?: string;
}

const TYPES: Readonly<Record<TarEntryType, string>> = {
  file: 'reg',
  directory: 'dir',
  symlink: 'symlink',
  hardlink: 'hardlink',
  character: 'char',
  block: 'block',
  fifo: 'fifo',
};

/** @throws {EngineError} `invalid` for what a table cannot tell */
export function checkEntry({ path, pathBytes, linkNameBytes, sparse }: TarEntry): void {
  const problem = sparse
    ? 'is a sparse file'
    : pathBytes || linkNameBytes
      ? 'has a name that is no text'
      : path.replace(/^(?:\.?\/)+/, '') === TOC_NAME
        ? 'is what its table of contents is called'
        : undefined;
  if (problem === undefined) return;
  throw new EngineError('invalid', `Cannot compress layer as estargz: ${JSON.stringify(path)} ${problem}`);
}

export function lineOf(entry: TarEntry): TocEntry {
  const { path: name, type, sizeBytes, linkName, mode, uid, gid, deviceMajor, deviceMinor, xattrs } = entry;
  const modtime = dateOf(entry.mtimeNs);
  const hasDevice = type === 'character' || type === 'block';
  const attributes = [...xattrs].map(([key, value]) => [key, value.toString('base64')] as const);
  return {
    name,
    type: TYPES[type],
    ...(sizeBytes > 0 && { size: sizeBytes }),
    ...(modtime !== '' && { modtime }),
    ...(linkName !== '' && { linkName }),
    ...(mode !== 0 && { mode }),
    ...(uid !== 0 && { uid }),
    ...(gid !== 0 && { gid }),
    ...(hasDevice && { devMajor: deviceMajor, devMinor: deviceMinor }),
    ...(attributes.length > 0 && { xattrs: Object.fromEntries(attributes) }),
  };
}

/** RFC 3339, in whole seconds; empty at the epoch. */
function dateOf(mtimeNs: bigint): string {
  const seconds = Number((mtimeNs + NANOSECONDS / 2n) / NANOSECONDS);
  return seconds === 0 ? '' : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** The file whose data is being read. */
export class FileChunks {
  /** The line of the chunk that is being read. */
  line: TocEntry;
  readonly #first: TocEntry;
  readonly #sizeBytes: number;
  readonly #hash = createHash('sha256');
  #chunkHash = createHash('sha256');
  #chunkBytes = 0;
  #offset = 0;

  constructor(line: TocEntry, sizeBytes: number) {
    this.line = line;
    this.#first = line;
    this.#sizeBytes = sizeBytes;
    if (sizeBytes >= CHUNK_BYTES) line.chunkSize = CHUNK_BYTES;
  }

  get chunkIsFull(): boolean {
    return this.chunkRoom === 0;
  }

  get chunkRoom(): number {
    return CHUNK_BYTES - this.#chunkBytes;
  }

  update(data: Buffer): void {
    this.#hash.update(data);
    this.#chunkHash.update(data);
    this.#chunkBytes += data.length;
    this.#offset += data.length;
  }

  endChunk(): void {
    this.line.chunkDigest = `sha256:${this.#chunkHash.digest('hex')}`;
  }

  nextChunk(): TocEntry {
    const isWhole = this.#sizeBytes - this.#offset >= CHUNK_BYTES;
    this.line = {
      name: this.#first.name,
      type: 'chunk',
      chunkOffset: this.#offset,
      ...(isWhole && { chunkSize: CHUNK_BYTES }),
    };
    this.#chunkHash = createHash('sha256');
    this.#chunkBytes = 0;
    return this.line;
  }

  end(): void {
    if (this.#sizeBytes > 0) this.endChunk();
    this.#first.digest = `sha256:${this.#hash.digest('hex')}`;
  }
}
