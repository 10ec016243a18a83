/**
 * Content-addressed blobs: what was pulled, loaded, imported or built, byte for byte.
 *
 * Life cycle: a blob is written under a reference (two-phase: nothing is visible before `commit`), then read by
 * digest by any reader, then deleted by garbage collection when no root, lease or writer holds it.
 *
 * Errors: the table is `store-errors.ts`.
 *
 * ```ts
 * await using lease = leases.open(); // nothing that it protects is collected
 * await using writer = await content.openWriter('pull sha256:…', { lease, maximumBytes });
 * for await (const chunk of source) await writer.write(chunk);
 * const { digest } = await writer.commit({ digest: expected }); // visible now, and durable
 * for await (const chunk of content.read(digest)) use(chunk);
 * ```
 */
import type { Readable } from 'node:stream';
import type { Digest } from '#oci/digest.ts';

export interface BlobInfo {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface WriteOptions {
  /** Refuse more than this many bytes with `invalid`. */
  readonly maximumBytes?: number;
  readonly signal?: AbortSignal;
  /** Protects the blob from the moment it is visible. */
  readonly lease?: Lease;
  /**
   * Disposing without a commit keeps what was written, and opening the same reference again, after a restart too,
   * continues at `offset`.
   */
  readonly resumable?: boolean;
  /** Another thread reads it while it is written: see `ContentWriter.arriving`. */
  readonly followed?: boolean;
}

/** A blob's file for another thread that reads it while it is written. */
export interface ArrivingFile {
  /** Where the file is until it is committed; then it is at `ContentReader.path`. */
  readonly path: string;
  /** Bytes that the file holds, and not 0 once no more will come; the first is notified of every change. */
  readonly progress: BigInt64Array;
}

/**
 * One blob in the making. Chunks are hashed off the event loop. Disposing without a commit discards what was
 * written, unless the writer was opened to be resumed.
 */
export interface ContentWriter extends AsyncDisposable {
  /** Bytes written so far. */
  readonly offset: number;
  /** Where it is asked for: what others can read meanwhile. */
  readonly arriving: ArrivingFile | undefined;
  /** Resolves when `chunk` is the caller's again, and more may be written. */
  write(chunk: Buffer): Promise<void>;
  /**
   * Verifies, syncs and makes the blob visible. Committing content that is there already is no error.
   *
   * @throws {EngineError} `invalid` if size or digest differ from what was expected; nothing becomes visible
   */
  commit(expected?: { readonly sizeBytes?: number; readonly digest?: Digest }): Promise<BlobInfo>;
  /** Throws away what was written, where it could be resumed too. Ends the writer; does nothing after a commit. */
  discard(): Promise<void>;
}

export interface ContentReader {
  stat(digest: Digest): Promise<BlobInfo | undefined>;
  /** The whole blob or a part of it as a stream. Destroy it to stop early. */
  read(digest: Digest, range?: { readonly offset: number; readonly lengthBytes?: number }): Readable;
  /** The bytes from an offset on, in one buffer that is used again: each chunk until the next is asked for. */
  chunks(digest: Digest, offset: number): AsyncIterable<Buffer>;
  /** The whole blob in memory; for manifests and configs only. */
  readAll(digest: Digest, maximumBytes: number): Promise<Buffer>;
  /** Where the blob lies: for mounting and indexing, never for writing. */
  path(digest: Digest): string;
}

export interface ContentStore extends ContentReader {
  openWriter(reference: string, options?: WriteOptions): Promise<ContentWriter>;
  /**
   * A blob that `fill` writes into the empty file at `path`, hashing it on the way: for threads that need not pass
   * their bytes on. Nothing is visible before it resolves, and nothing is left if it rejects.
   */
  putFile(reference: string, fill: (path: string) => Promise<BlobInfo>, lease?: Lease): Promise<BlobInfo>;
  /** Small content whose bytes are at hand (manifests, configs). */
  put(content: Buffer, lease?: Lease): Promise<BlobInfo>;
  delete(digest: Digest): Promise<void>;
  /** Throws away what could be resumed and is not being written now. @returns its bytes */
  discardUnfinished(): Promise<number>;
  list(): AsyncIterable<BlobInfo>;
}

/**
 * A lease protects blobs and layers that are in flight from garbage collection, until it is disposed or expires
 * (the process died).
 */
export interface Lease extends AsyncDisposable {
  readonly id: string;
  protect(...resources: readonly Digest[]): void;
}

/** The leases of one engine or registry. */
export interface Leases {
  /** A lease that protects nothing yet; dispose it when what it protects has a root, or is given up. */
  open(): Lease;
  isProtected(digest: Digest): boolean;
}
