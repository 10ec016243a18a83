import { createHash, hash as hashOf } from 'node:crypto';
import { writevSync } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import { diskError } from '#store/disk.ts';
import type { FileEntry, FileTransfer } from '../session/build-session.ts';
import { hasContents, type StoredEntry, withoutContents } from './stored-entry.ts';

/** Where contents start in a data file: EROFS blocks of an index over it. */
export const ALIGNMENT_BYTES = 512;
/** As many as an archive may have. */
const MAXIMUM_ENTRIES = 5_000_000;
/** The limit for names, links and attributes together. */
const MAXIMUM_METADATA_BYTES = 512 << 20;
/** Files, and bytes of them, that are asked for before the first of them has come. */
const AHEAD_FILES = 512;
const AHEAD_BYTES = 16 << 20;
/** Smaller files are written together. */
const BATCH_BYTES = 1 << 20;

/** What was received before, and where more of it goes. */
export interface ReceiveTarget {
  readonly fd: number;
  /** Where the data file ends: what comes is written from there on. */
  readonly endBytes: number;
  known(path: string): StoredEntry | undefined;
  /** What the client told of the last time. */
  readonly latest: readonly StoredEntry[];
}

export interface Received {
  /** All the client told of, in its order; the very same list where nothing changed. */
  readonly entries: readonly StoredEntry[];
  readonly endBytes: number;
  /** What came over the wire. */
  readonly transferredBytes: number;
}

/**
 * Receives what a client tells of, and of its contents only those that are not known: as in BuildKit, a file whose
 * type, permissions, size and time are those that it had is taken for the same. Writes past the end of the data file
 * only: what was there stays valid, whatever happens.
 *
 * @param onProgress told first, of nothing, when it is known that something is new; then of every piece that comes
 * @throws {EngineError} `invalid`, `aborted`, `exhausted`
 */
export async function receiveFiles(
  transfer: FileTransfer,
  target: ReceiveTarget,
  onProgress: (transferredBytes: number) => void,
): Promise<Received> {
  let areSame = true;
  const told = await readEntries(transfer, (entry, position) => {
    if (!areSame || isSameEntry(entry, target.latest[position]?.entry)) return;
    areSame = false;
    onProgress(0);
  });
  if (areSame && told.length === target.latest.length) {
    await transfer.finish();
    return { entries: target.latest, endBytes: target.endBytes, transferredBytes: 0 };
  }
  const entries = told.map((entry) => unchanged(entry, target.known(entry.path)));
  const writer = new DataWriter(target, onProgress);
  for await (const [position, stored] of fetchAll(transfer, wantedOf(told, entries), writer)) {
    entries[position] = stored;
  }
  await transfer.finish();
  writer.flush();
  return {
    entries: told.map((entry, position) => entries[position] ?? withoutContents(entry)),
    endBytes: writer.endBytes,
    transferredBytes: writer.receivedBytes,
  };
}

/** What is not known, one after the other while it is fetched: there may be very many. */
function* wantedOf(
  told: readonly FileEntry[],
  known: readonly (StoredEntry | undefined)[],
): Generator<Wanted, void> {
  for (const [position, entry] of told.entries()) if (!known[position]) yield { entry, position };
}

async function readEntries(
  transfer: FileTransfer,
  onEntry: (entry: FileEntry, position: number) => void,
): Promise<readonly FileEntry[]> {
  const entries: FileEntry[] = [];
  let metadataBytes = 0;
  for await (const entry of transfer.entries()) {
    metadataBytes += entry.path.length + entry.linkName.length;
    for (const name in entry.xattrs) metadataBytes += name.length + (entry.xattrs[name]?.length ?? 0);
    if (entries.push(entry) > MAXIMUM_ENTRIES || metadataBytes > MAXIMUM_METADATA_BYTES)
      throw new EngineError('invalid', 'Cannot receive build context: it has too many files');
    if (!Number.isSafeInteger(entry.sizeBytes) || entry.sizeBytes < 0)
      throw new EngineError('invalid', `Cannot receive ${entry.path}: its size is impossible`);
    onEntry(entry, entries.length - 1);
  }
  return entries;
}

/** Owners make no difference to a context. */
function isSameEntry(one: FileEntry, other: FileEntry | undefined): boolean {
  return (
    other !== undefined &&
    one.path === other.path &&
    one.mode === other.mode &&
    one.sizeBytes === other.sizeBytes &&
    one.modifiedNs === other.modifiedNs &&
    one.linkName === other.linkName &&
    one.deviceMajor === other.deviceMajor &&
    one.deviceMinor === other.deviceMinor &&
    areSameXattrs(one.xattrs, other.xattrs)
  );
}

function areSameXattrs(one: FileEntry['xattrs'], other: FileEntry['xattrs']): boolean {
  for (const name in other) if (!(name in one)) return false;
  for (const name in one) {
    const [value, before] = [one[name], other[name]];
    if (!value || !before?.equals(value)) return false;
  }
  return true;
}

function unchanged(entry: FileEntry, known: StoredEntry | undefined): StoredEntry | undefined {
  if (!hasContents(entry)) return withoutContents(entry);
  if (entry.sizeBytes === 0) return { ...withoutContents(entry), digest: EMPTY_DIGEST };
  if (!known || !hasContents(known.entry)) return undefined;
  const { mode, sizeBytes, modifiedNs } = known.entry;
  const isSame = mode === entry.mode && sizeBytes === entry.sizeBytes && modifiedNs === entry.modifiedNs;
  return isSame ? { ...known, entry } : undefined;
}

const EMPTY_DIGEST = hashOf('sha256', '', 'latin1');

interface Wanted {
  readonly entry: FileEntry;
  readonly position: number;
}

/** Asked for ahead of being read, so that no round trip is waited for. */
async function* fetchAll(
  transfer: FileTransfer,
  wanted: Iterator<Wanted, void>,
  writer: DataWriter,
): AsyncGenerator<readonly [position: number, stored: StoredEntry], void> {
  const asked: { readonly wanted: Wanted; readonly contents: AsyncIterable<Buffer> }[] = [];
  let askedBytes = 0;
  let next = wanted.next();
  const ask = () => {
    for (; !next.done; next = wanted.next()) {
      const item = next.value;
      const { sizeBytes } = item.entry;
      // A larger one is asked for alone: what comes out of turn is kept in memory.
      if (asked.length >= AHEAD_FILES || (asked.length > 0 && askedBytes + sizeBytes > AHEAD_BYTES)) return;
      askedBytes += sizeBytes;
      asked.push({ wanted: item, contents: transfer.contents(item.position) });
    }
  };
  ask();
  for (let first = asked.shift(); first; first = asked.shift()) {
    const { entry, position } = first.wanted;
    yield [position, await writer.store(entry, first.contents)];
    askedBytes -= entry.sizeBytes;
    if (asked.length < AHEAD_FILES / 2) ask();
  }
}

/** Appends to a data file: small files together, large ones as they come. */
class DataWriter {
  readonly #fd: number;
  #writtenBytes: number;
  #batch: Buffer[] = [];
  #batchBytes = 0;
  readonly #onProgress: (transferredBytes: number) => void;
  receivedBytes = 0;

  constructor({ fd, endBytes }: ReceiveTarget, onProgress: (transferredBytes: number) => void) {
    this.#fd = fd;
    this.#onProgress = onProgress;
    this.#writtenBytes = endBytes;
  }

  get endBytes(): number {
    return this.#writtenBytes + this.#batchBytes;
  }

  /** No more than the entry says: a file that grows meanwhile is cut. */
  async store(entry: FileEntry, contents: AsyncIterable<Buffer>): Promise<StoredEntry> {
    const dataOffset = this.endBytes;
    const chunks: Buffer[] = [];
    let storedBytes = 0;
    let hash: ReturnType<typeof createHash> | undefined;
    for await (const chunk of contents) {
      const part = chunk.subarray(0, entry.sizeBytes - storedBytes);
      storedBytes += part.length;
      this.receivedBytes += chunk.length;
      this.#onProgress(this.receivedBytes);
      if (part.length === 0) continue;
      chunks.push(part);
      if (storedBytes < BATCH_BYTES) continue;
      hash ??= createHash('sha256');
      for (const each of chunks.splice(0)) this.#append(each, hash);
    }
    if (storedBytes === 0) return { ...withoutContents(entry), digest: EMPTY_DIGEST };
    const digest = hash ? this.#finish(chunks, hash) : this.#small(chunks);
    this.#pad(storedBytes);
    return { entry, dataOffset, storedBytes, digest };
  }

  flush(): void {
    if (this.#batchBytes === 0) return;
    let rest: readonly Buffer[] = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    try {
      while (rest.length > 0) {
        const count = writevSync(this.#fd, rest, this.#writtenBytes);
        this.#writtenBytes += count;
        rest = withoutFirst(rest, count);
      }
    } catch (error) {
      throw diskError(error, 'build context');
    }
  }

  #small(chunks: readonly Buffer[]): string {
    const [only] = chunks;
    const bytes = chunks.length === 1 && only ? only : Buffer.concat(chunks);
    this.#push(bytes);
    return hashOf('sha256', bytes, 'latin1');
  }

  #finish(chunks: readonly Buffer[], hash: ReturnType<typeof createHash>): string {
    for (const chunk of chunks) this.#append(chunk, hash);
    return hash.digest('latin1');
  }

  #append(chunk: Buffer, hash: ReturnType<typeof createHash>): void {
    hash.update(chunk);
    this.#push(chunk);
  }

  #pad(storedBytes: number): void {
    const rest = storedBytes % ALIGNMENT_BYTES;
    if (rest > 0) this.#push(ZEROS.subarray(rest));
  }

  #push(bytes: Buffer): void {
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
    if (this.#batchBytes >= BATCH_BYTES) this.flush();
  }
}

const ZEROS = Buffer.alloc(ALIGNMENT_BYTES);

/** What a write of so many bytes has left. */
function withoutFirst(buffers: readonly Buffer[], writtenBytes: number): readonly Buffer[] {
  let left = writtenBytes;
  for (const [index, buffer] of buffers.entries()) {
    if (left < buffer.length) return [buffer.subarray(left), ...buffers.slice(index + 1)];
    left -= buffer.length;
  }
  return [];
}
