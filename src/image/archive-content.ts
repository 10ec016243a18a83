import type { Digest } from '#oci/digest.ts';
import type { BlobInfo, ContentStore, Lease } from '#store/content.ts';
import type { ArchiveFile } from './archive-files.ts';
import { imageError } from './image-errors.ts';

/** Reads files of an archive wherever they lie now. */
export class BlobReader {
  readonly #content: ContentStore;
  readonly #lease: Lease;

  constructor(content: ContentStore, lease: Lease) {
    this.#content = content;
    this.#lease = lease;
  }

  /** @throws {EngineError} `archive-invalid` if larger */
  async read(file: ArchiveFile, maximumBytes: number): Promise<Buffer> {
    if (file.kind === 'blob') return await this.#content.readAll((await file.info).digest, maximumBytes);
    if (file.bytes.length <= maximumBytes) return file.bytes;
    throw imageError('archive-invalid', {
      details: { problem: `a file is larger than ${maximumBytes} bytes` },
    });
  }

  /** Makes the file a blob. @throws {EngineError} `archive-invalid` if it is not what `expected` says */
  async store(file: ArchiveFile, expected?: Digest): Promise<BlobInfo> {
    const info = file.kind === 'blob' ? await file.info : await this.#content.put(file.bytes, this.#lease);
    if (expected && info.digest !== expected)
      throw imageError('archive-invalid', {
        details: { problem: `blob ${expected} has the content of ${info.digest}` },
      });
    return info;
  }
}
