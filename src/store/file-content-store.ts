/**
 * The content store as files: `blobs/sha256/HEX`, and what is being written in `ingest/`.
 *
 * Every name among the blobs is whole and synced; what a crash left in `ingest/` is removed at the next opening,
 * but for what may still be resumed.
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { open, opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { type Digest, digestHex, isDigest } from '#oci/digest.ts';
import { BlobPool } from './blob-pool.ts';
import { FileContentWriter, type WriterPlace } from './content-writer.ts';
import type { BlobInfo, ContentStore, ContentWriter, Lease, WriteOptions } from './content.ts';
import { syncDirectory, unlinkIfThere } from './disk.ts';
import { storeFilledFile } from './filled-file.ts';
import { GroupSync } from '#base/group-sync.ts';
import { storeError } from './store-errors.ts';

/** Downloads that were not continued for so long are removed. */
const RESUMABLE_MS = 24 * 3600 * 1000;
/** Below the store's directory. */
export const BLOBS = 'blobs/sha256';
const RESUMABLE_SUFFIX = '.resumable';
const READ_CHUNK_BYTES = 256 * 1024;

export class FileContentStore implements ContentStore, AsyncDisposable {
  readonly #blobs: string;
  readonly #ingest: string;
  readonly #pool = new BlobPool();
  readonly #blobsSync: GroupSync;
  readonly #open = new Set<string>();
  #lastAnonymous = 0;

  /** Opens the store in `directory`, which is made where it is missing; one store a directory at a time. */
  constructor(directory: string) {
    this.#blobs = join(directory, BLOBS);
    this.#ingest = join(directory, 'ingest');
    mkdirSync(this.#blobs, { recursive: true, mode: 0o700 });
    mkdirSync(this.#ingest, { recursive: true, mode: 0o700 });
    this.#blobsSync = new GroupSync(() => syncDirectory(this.#blobs));
    this.#removeLeftovers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  async openWriter(reference: string, options: WriteOptions = {}): Promise<ContentWriter> {
    const place = this.#claim(reference, options.resumable ?? false);
    try {
      return new FileContentWriter(place, this.#pool, options);
    } catch (error) {
      place.released();
      throw error;
    }
  }

  async putFile(
    reference: string,
    fill: (path: string) => Promise<BlobInfo>,
    lease?: Lease,
  ): Promise<BlobInfo> {
    const place = this.#claim(reference, false);
    try {
      return await storeFilledFile(place, fill, lease);
    } finally {
      place.released();
    }
  }

  async put(content: Buffer, lease?: Lease): Promise<BlobInfo> {
    await using writer = await this.openWriter(`put-${++this.#lastAnonymous}`, lease ? { lease } : {});
    await writer.write(content);
    return await writer.commit();
  }

  async stat(digest: Digest): Promise<BlobInfo | undefined> {
    try {
      return { digest, sizeBytes: (await stat(this.path(digest))).size };
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  read(digest: Digest, range?: { readonly offset: number; readonly lengthBytes?: number }): Readable {
    const start = range?.offset ?? 0;
    const end = range?.lengthBytes === undefined ? undefined : start + range.lengthBytes - 1;
    if (end !== undefined && end < start) return Readable.from([]);
    try {
      const fd = openSync(this.path(digest), 'r');
      const part = end === undefined ? { start } : { start, end };
      return createReadStream('', { fd, highWaterMark: READ_CHUNK_BYTES, ...part });
    } catch (error) {
      return new Readable({ read() {} }).destroy(asNotFound(error, digest));
    }
  }

  async *chunks(digest: Digest, offset: number): AsyncGenerator<Buffer, void> {
    await using file = await open(this.path(digest)).catch((error: unknown) => {
      throw asNotFound(error, digest);
    });
    const buffer = Buffer.allocUnsafeSlow(READ_CHUNK_BYTES);
    for (let at = offset; ; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }

  async readAll(digest: Digest, maximumBytes: number): Promise<Buffer> {
    const info = await this.stat(digest);
    if (!info) throw notFound(digest);
    if (info.sizeBytes > maximumBytes)
      throw storeError('blob-too-large', { subject: digest, details: { maximumBytes } });
    try {
      return await readFile(this.path(digest));
    } catch (error) {
      throw asNotFound(error, digest);
    }
  }

  path(digest: Digest): string {
    return join(this.#blobs, digestHex(digest));
  }

  async delete(digest: Digest): Promise<void> {
    unlinkIfThere(this.path(digest));
  }

  async discardUnfinished(): Promise<number> {
    const paths = readdirSync(this.#ingest)
      .filter((name) => !this.#open.has(name))
      .map((name) => join(this.#ingest, name));
    const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
    for (const path of paths) unlinkIfThere(path);
    return bytes;
  }

  async *list(): AsyncIterable<BlobInfo> {
    for await (const { name } of await opendir(this.#blobs)) {
      const digest = `sha256:${name}`;
      const info = isDigest(digest) ? await this.stat(digest) : undefined;
      if (info) yield info;
    }
  }

  /** @throws {EngineError} `conflict` while another writes under this reference */
  #claim(reference: string, isResumable: boolean): WriterPlace {
    const name = ingestName(reference, isResumable);
    if (this.#open.has(name))
      throw storeError('blob-write-refused', {
        subject: reference,
        details: { problem: 'it is being written by another' },
      });
    this.#open.add(name);
    return {
      reference,
      ingestPath: join(this.#ingest, name),
      blobPath: (digest: Digest) => this.path(digest),
      syncBlobs: () => this.#blobsSync.sync(),
      released: () => this.#open.delete(name),
    };
  }

  #removeLeftovers(): void {
    for (const name of readdirSync(this.#ingest)) {
      const path = join(this.#ingest, name);
      const isFresh = Date.now() - statSync(path).mtimeMs < RESUMABLE_MS;
      if (!name.endsWith(RESUMABLE_SUFFIX) || !isFresh) unlinkIfThere(path);
    }
  }
}

/** References are anyone's text: only their digest becomes a file name. */
function ingestName(reference: string, isResumable: boolean): string {
  const name = createHash('sha256').update(reference).digest('hex');
  return isResumable ? name + RESUMABLE_SUFFIX : name;
}

function notFound(digest: Digest): EngineError {
  return storeError('no-such-blob', { subject: digest });
}

function asNotFound(error: unknown, digest: Digest): Error {
  if (isErrno(error, 'ENOENT')) return notFound(digest);
  return error instanceof Error ? error : storeError('blob-unreadable', { subject: digest });
}
