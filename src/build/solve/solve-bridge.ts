import type { ImageLayer } from '#image/image-record.ts';
import type { SolveBridge } from '../build.ts';
import type { BuildOutcome } from '../export/outcome.ts';
import type { FileRange } from '../files/file-jobs.ts';
import type { FileWorkers } from '../files/file-workers.ts';
import type { FileEntry } from '../session/build-session.ts';
import type { LayerTrees } from './layer-trees.ts';

/** What results are looked into with. */
export interface ResultFiles {
  readonly trees: Pick<LayerTrees, 'open'>;
  readonly files: Pick<FileWorkers, 'read' | 'list' | 'stat'>;
}

export class OpenSolveBridge implements SolveBridge {
  readonly #results: ResultFiles;
  readonly #solve: () => Promise<BuildOutcome>;
  #solved: Promise<BuildOutcome> | undefined;

  /** @param solve is called once */
  constructor(results: ResultFiles, solve: () => Promise<BuildOutcome>) {
    this.#results = results;
    this.#solve = solve;
  }

  solve(): Promise<BuildOutcome> {
    this.#solved ??= this.#solve();
    return this.#solved;
  }

  async readFile(layers: readonly ImageLayer[], path: string, range?: FileRange): Promise<Uint8Array> {
    const { trees, files } = this.#results;
    using tree = trees.open(layers);
    return await files.read({ source: tree.tree, path, ...(range && { range }) });
  }

  async readDirectory(
    layers: readonly ImageLayer[],
    path: string,
    pattern?: string,
  ): Promise<readonly FileEntry[]> {
    const { trees, files } = this.#results;
    using tree = trees.open(layers);
    return await files.list({ source: tree.tree, path, ...(pattern !== undefined && { pattern }) });
  }

  async statFile(layers: readonly ImageLayer[], path: string): Promise<FileEntry> {
    const { trees, files } = this.#results;
    using tree = trees.open(layers);
    return await files.stat({ source: tree.tree, path });
  }
}
