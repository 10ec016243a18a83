import { isOutsideFormat } from '#layer/outside-decompressor.ts';
import { plainTar } from '#layer/plain-tar.ts';
import { detectCompression } from '#oci/compression.ts';
import type { Digest } from '#oci/digest.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import type { BlobInfo, ContentStore, Lease } from '#store/content.ts';
import type { ArchiveFile } from './archive-files.ts';
import { imageError } from './image-errors.ts';
import type { LayerStorage } from './layer-storage.ts';

/** Reads files of an archive wherever they lie now. */
export class BlobReader {
  readonly #content: ContentStore;
  readonly #lease: Lease;
  readonly #maximumLayerBytes: number;

  constructor({ content, maximumLayerBytes }: LayerStorage, lease: Lease) {
    this.#content = content;
    this.#lease = lease;
    this.#maximumLayerBytes = maximumLayerBytes;
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

  /** A layer in a form that layers are kept in: others than gzip and zstd are taken off. */
  async storeLayer(file: ArchiveFile): Promise<StoredLayer> {
    const { digest } = await this.store(file);
    const compression = file.kind === 'blob' ? file.compression : detectCompression(file.bytes);
    if (!isOutsideFormat(compression)) return { blob: digest, compression };
    return { blob: await this.#storePlain(digest), compression: 'none' };
  }

  async #storePlain(compressed: Digest): Promise<Digest> {
    const options = { lease: this.#lease, maximumBytes: this.#maximumLayerBytes };
    await using writer = await this.#content.openWriter(`load-plain-${++lastPlain}`, options);
    for await (const chunk of plainTar(this.#content.read(compressed))) await writer.write(chunk);
    return (await writer.commit()).digest;
  }
}

let lastPlain = 0;

interface StoredLayer {
  readonly blob: Digest;
  readonly compression: LayerCompression;
}
