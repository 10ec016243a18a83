/**
 * Takes in an image archive while it streams: large files go to the content store at once, and what looks like a
 * layer is unpacked meanwhile, though which files the archive's manifest names is known only at its end.
 */
import { type CompressionFormat, detectCompression } from '#oci/compression.ts';
import { isOutsideFormat } from '#layer/outside-decompressor.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import type { TarEntry } from '#oci/tar-header.ts';
import { type TarEvent, TarParser } from '#oci/tar-reader.ts';
import type { BlobInfo, ContentStore, ContentWriter, Lease } from '#store/content.ts';
import { type ArchiveFile, ArchiveFiles, cleanName, linkTarget } from './archive-files.ts';
import { imageError } from './image-errors.ts';
import type { LayerIntake } from './layer-intake.ts';

/** Files up to here wait in memory until it is known what they are. */
const SMALL_BYTES = 64 * 1024;
const MAXIMUM_MEMORY_BYTES = 64 * 1024 * 1024;
const MAXIMUM_MEMBERS = 100_000;
const TAR_MAGIC_OFFSET = 257;

export interface IntakeOptions {
  readonly content: ContentStore;
  readonly layers: LayerIntake;
  readonly lease: Lease;
  readonly maximumFileBytes: number;
  readonly signal?: AbortSignal;
}

/** A file that has arrived whole. */
export interface ArrivedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

let lastIntake = 0;

export class ArchiveIntake implements AsyncDisposable {
  readonly files = new ArchiveFiles();
  readonly #options: IntakeOptions;
  readonly #id = ++lastIntake;
  readonly #pending = new Set<Promise<unknown>>();
  #count = 0;
  #memoryBytes = 0;
  #file: IncomingFile | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /**
   * Reads the archive to its end; yields its large files as they have arrived.
   *
   * @throws {EngineError} `archive-invalid`, also beyond a limit; `exhausted` for a full disk
   */
  async *read(source: AsyncIterable<Buffer>): AsyncGenerator<ArrivedFile, void> {
    const parser = new TarParser({ maximumEntries: MAXIMUM_MEMBERS });
    for await (const chunk of source) {
      this.#options.signal?.throwIfAborted();
      if (this.#failure) throw this.#failure.error;
      parser.push(chunk);
      for (let event = parser.next(); event; event = parser.next()) {
        const arrived = await this.#take(event);
        if (arrived) yield arrived;
      }
    }
    parser.finish();
  }

  /** Waits for everything that was begun; what was not committed is discarded. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.writer?.[Symbol.asyncDispose]();
    await Promise.allSettled(this.#pending);
  }

  async #take(event: TarEvent): Promise<ArrivedFile | undefined> {
    if (event.kind === 'entry') {
      await this.#begin(event.entry);
      return undefined;
    }
    if (!this.#file) return undefined;
    if (event.kind === 'entry-end') return this.#end(this.#file);
    await this.#file.append(event.data);
    return undefined;
  }

  async #begin(entry: TarEntry): Promise<void> {
    const { path, type, linkName } = entry;
    if (type === 'symlink') this.files.addLink(path, linkTarget(path, linkName));
    if (type === 'hardlink') this.files.addLink(path, cleanName(linkName));
    if (type !== 'file') return;
    if (entry.sparse)
      throw imageError('archive-invalid', { details: { problem: `${path} is a sparse file` } });
    if (entry.sizeBytes <= SMALL_BYTES) this.#reserve(entry.sizeBytes);
    this.#file = new IncomingFile(
      entry,
      entry.sizeBytes > SMALL_BYTES ? await this.#openWriter() : undefined,
    );
  }

  #reserve(sizeBytes: number): void {
    this.#memoryBytes += sizeBytes;
    if (this.#memoryBytes > MAXIMUM_MEMORY_BYTES)
      throw imageError('archive-invalid', { details: { problem: 'the archive has too many small files' } });
  }

  #openWriter(): Promise<ContentWriter> {
    const { content, lease, maximumFileBytes: maximumBytes, signal } = this.#options;
    const options = { lease, maximumBytes, ...(signal ? { signal } : undefined) };
    return content.openWriter(`load-${this.#id}-${++this.#count}`, options);
  }

  #end(file: IncomingFile): ArrivedFile | undefined {
    this.#file = undefined;
    const { path, sizeBytes } = file.entry;
    this.files.add(path, this.#settle(file));
    return file.writer ? { path, sizeBytes } : undefined;
  }

  #settle({ entry, writer, head, chunks }: IncomingFile): ArchiveFile {
    if (!writer) return { kind: 'memory', bytes: Buffer.concat(chunks) };
    const compression = detectCompression(head);
    const info = this.#track(commit(writer, entry));
    if (!isOutsideFormat(compression) && looksLikeLayer(head, compression))
      void this.#track(this.#unpack(info, compression));
    return { kind: 'blob', info, sizeBytes: entry.sizeBytes, compression };
  }

  async #unpack(info: Promise<BlobInfo>, compression: LayerCompression): Promise<void> {
    const { digest } = await info;
    await this.#options.layers.unpack({ blob: digest, compression });
  }

  /** The first failure ends the intake. */
  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#pending.add(tracked);
    void tracked.then(() => this.#pending.delete(tracked));
    return work;
  }
}

/** The member that is being read. */
class IncomingFile {
  readonly entry: TarEntry;
  readonly writer: ContentWriter | undefined;
  readonly chunks: Buffer[] = [];
  head: Buffer = Buffer.alloc(0);

  constructor(entry: TarEntry, writer: ContentWriter | undefined) {
    this.entry = entry;
    this.writer = writer;
  }

  async append(data: Buffer): Promise<void> {
    if (this.head.length < TAR_MAGIC_OFFSET + 5)
      this.head = Buffer.concat([this.head, data.subarray(0, 512)]);
    if (this.writer) await this.writer.write(data);
    else this.chunks.push(data);
  }
}

async function commit(writer: ContentWriter, { path, sizeBytes }: TarEntry): Promise<BlobInfo> {
  await using owned = writer;
  const digest = digestOfName(path);
  return await owned.commit({ sizeBytes, ...(digest ? { digest } : undefined) });
}

/** `blobs/sha256/HEX` says itself what it must be. */
function digestOfName(path: string): Digest | undefined {
  const hex = /^blobs\/sha256\/(.*)$/.exec(cleanName(path))?.[1];
  const digest = `sha256:${hex}`;
  return hex !== undefined && isDigest(digest) ? digest : undefined;
}

function looksLikeLayer(head: Buffer, compression: CompressionFormat): boolean {
  return (
    compression !== 'none' || head.toString('latin1', TAR_MAGIC_OFFSET, TAR_MAGIC_OFFSET + 5) === 'ustar'
  );
}
