/** A build between its plan and its exports: a client that leads it looks at the result, and says what becomes of it. */
import type { ImageLayer } from '#image/image-record.ts';
import type { BuildParts } from '../build-parts.ts';
import type { FileEntry } from '../session/build-session.ts';
import type { BuildOutcome } from '../export/outcome.ts';
import type { FileRange } from '../files/file-jobs.ts';
import { openLayerTree } from './layer-tree.ts';

/** What is solved stays there until the build ends, and with it what it has received from the client. */
export class HeldBuild {
  readonly #parts: BuildParts;
  readonly #solve: () => Promise<BuildOutcome>;
  #solved: Promise<BuildOutcome> | undefined;

  /** @param solve is called once */
  constructor(parts: BuildParts, solve: () => Promise<BuildOutcome>) {
    this.#parts = parts;
    this.#solve = solve;
  }

  /** Nothing is done before somebody wants it. @throws {EngineError} what the build fails with */
  solve(): Promise<BuildOutcome> {
    this.#solved ??= this.#solve();
    return this.#solved;
  }

  /** @throws {EngineError} `invalid` if it is not there, no regular file, or larger than one answer may be */
  async readFile(layers: readonly ImageLayer[], path: string, range?: FileRange): Promise<Uint8Array> {
    using tree = openLayerTree(this.#parts, layers);
    return await this.#parts.files.read({ source: tree.tree, path, ...(range && { range }) });
  }

  /**
   * What a directory has in it, without what is in that; links are followed to it.
   *
   * @param pattern of an ignore file, for the names that are wanted
   * @throws {EngineError} `invalid` if it is not there
   */
  async readDirectory(
    layers: readonly ImageLayer[],
    path: string,
    pattern?: string,
  ): Promise<readonly FileEntry[]> {
    using tree = openLayerTree(this.#parts, layers);
    return await this.#parts.files.list({
      source: tree.tree,
      path,
      ...(pattern !== undefined && { pattern }),
    });
  }

  /** Links are followed. @throws {EngineError} `invalid` if it is not there */
  async statFile(layers: readonly ImageLayer[], path: string): Promise<FileEntry> {
    using tree = openLayerTree(this.#parts, layers);
    return await this.#parts.files.stat({ source: tree.tree, path });
  }
}
