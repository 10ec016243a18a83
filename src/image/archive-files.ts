/** The files of an image archive by name, with its links followed. */
import { posix } from 'node:path';
import type { CompressionFormat } from '#oci/compression.ts';
import type { BlobInfo } from '#store/content.ts';
import { imageError } from './image-errors.ts';

/** A file: small ones in memory, large ones in the content store already. */
export type ArchiveFile =
  | { readonly kind: 'memory'; readonly bytes: Buffer }
  | {
      readonly kind: 'blob';
      readonly info: Promise<BlobInfo>;
      readonly sizeBytes: number;
      readonly compression: CompressionFormat;
    };

/** Longer chains of links than any archive needs; cycles end here too. */
const MAXIMUM_LINKS = 16;

export class ArchiveFiles {
  readonly #files = new Map<string, ArchiveFile>();
  readonly #links = new Map<string, string>();

  /** A later member of the same name replaces the earlier one. */
  add(path: string, file: ArchiveFile): void {
    const name = cleanName(path);
    this.#links.delete(name);
    this.#files.set(name, file);
  }

  addLink(path: string, target: string): void {
    this.#links.set(cleanName(path), target);
  }

  find(path: string): ArchiveFile | undefined {
    let name = cleanName(path);
    for (let count = 0; count < MAXIMUM_LINKS; count++) {
      const file = this.#files.get(name);
      const target = this.#links.get(name);
      if (file || target === undefined) return file;
      name = target;
    }
    return undefined;
  }

  /** @throws {EngineError} `archive-invalid` if there is none */
  require(path: string): ArchiveFile {
    const file = this.find(path);
    if (file) return file;
    throw imageError('archive-invalid', { details: { problem: `open ${path}: no such file or directory` } });
  }

  /** What is not a link, in the order of the archive. */
  names(): Iterable<string> {
    return this.#files.keys();
  }

  has(path: string): boolean {
    return this.find(path) !== undefined;
  }
}

/** A name inside the archive, without `./`; what would leave the archive stays at its root. */
export function cleanName(path: string): string {
  return posix.join('/', path).slice(1).replace(/\/$/, '');
}

/** What a symlink at `path` means inside the archive. */
export function linkTarget(path: string, target: string): string {
  return cleanName(posix.join('/', posix.dirname(cleanName(path)), target));
}
