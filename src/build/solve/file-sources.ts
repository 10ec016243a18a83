/** The files that vertices take: found, checksummed and opened, wherever they come from. */
import { EngineError, isEngineError } from '#base/errors.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { CopiedFiles, FileSource, LocalFiles, RemoteFiles, Vertex } from '../definition/vertex.ts';
import type { FileSelection, Tree } from '../files/file-jobs.ts';
import { checksumTree } from '../files/tree-checksum.ts';
import type { LayerTrees } from './layer-trees.ts';
import type { Checksums } from '../cache/checksums.ts';
import type { FileWorkers } from '../files/file-workers.ts';
import type { Operation } from '../plan/plan.ts';
import { filesTakenBy, inputsOf } from '../definition/vertex-inputs.ts';

/** Files that can be read until it is disposed. */
export interface OpenFiles extends Disposable {
  readonly selection: FileSelection;
  readonly unpack: boolean;
}

/** What files of sources are looked at with. */
export interface SourceWork {
  readonly trees: Pick<LayerTrees, 'open'>;
  readonly files: Pick<FileWorkers, 'checksum'>;
  /** Checksums of files that have an identity. */
  readonly checksums: Checksums;
}

export interface SourceOptions {
  /** Solves the vertex first. */
  readonly layersOf: (vertex: Vertex) => Promise<readonly ImageLayer[]>;
  /** The same files each time: what a checksum was taken of is what is read. */
  readonly fetch: (source: RemoteFiles) => Promise<LocalFiles>;
}

type Choice = Omit<FileSelection, 'source' | 'ignore' | 'ownedByRoot'>;

export class Sources {
  readonly #work: SourceWork;
  readonly #options: SourceOptions;

  constructor(work: SourceWork, options: SourceOptions) {
    this.#work = work;
    this.#options = options;
  }

  /**
   * The checksum of all files that a vertex takes besides its parent; empty where it takes none.
   *
   * @throws {EngineError} `invalid` for missing ones
   */
  async checksum(vertex: Operation): Promise<string> {
    const checksums = await Promise.all(
      filesTakenBy(vertex).map(async (files) => {
        try {
          return await this.checksumOf(files);
        } catch (error) {
          throw vertex.kind === 'exec' ? mountError(files, error) : error;
        }
      }),
    );
    const others = vertex.kind === 'diff' ? inputsOf(vertex) : inputsOf(vertex).slice(1);
    const layers = await Promise.all(others.map((other) => this.#options.layersOf(other)));
    return [...checksums, ...layers.map((all) => all.map(({ diffId }) => diffId).join('+'))].join(' ');
  }

  async open(files: CopiedFiles): Promise<OpenFiles> {
    const { source, choice } = await this.#located(files);
    const { unpack = false } = files;
    if (source.kind === 'local' && source.holdPacked && !unpack) {
      const { packed, ...held } = source.holdPacked();
      const selection = { source: '', ignore: source.ignore, ownedByRoot: true, packed, ...choice };
      return { selection, unpack, ...held };
    }
    if (source.kind === 'local') {
      const held = await source.hold();
      const selection = { ...localSelection(source), ...choice };
      return { selection, unpack, [Symbol.dispose]: () => held[Symbol.dispose]() };
    }
    const tree = this.#work.trees.open(await this.#options.layersOf(source));
    const selection = { ...layerSelection(tree.tree), ...choice };
    return { selection, unpack, [Symbol.dispose]: () => tree[Symbol.dispose]() };
  }

  /** A downloaded source as the directory of this machine that it is afterwards. */
  async local(source: FileSource): Promise<LocalFiles | Vertex> {
    return source.kind === 'http' || source.kind === 'git' ? await this.#options.fetch(source) : source;
  }

  layersOf(vertex: Vertex): Promise<readonly ImageLayer[]> {
    return this.#options.layersOf(vertex);
  }

  async #located(
    files: CopiedFiles,
  ): Promise<{ readonly source: LocalFiles | Vertex; readonly choice: Choice }> {
    const { exclude, include, withParents, keepsLinks } = files;
    const source = await this.local(files.source);
    const choice = {
      paths: files.paths,
      ...(exclude && exclude.length > 0 && { exclude }),
      ...(include && include.length > 0 && { include }),
      ...(withParents && { withParents }),
      ...(keepsLinks && { keepsLinks }),
    };
    return { source, choice };
  }

  async checksumOf(files: CopiedFiles): Promise<string> {
    const { source, choice } = await this.#located(files);
    if (source.kind === 'local') return await this.#localChecksum(source, choice);
    const layers = await this.#options.layersOf(source);
    return await this.#work.checksums.get([layers.map(({ diffId }) => diffId), choice], async () => {
      using tree = this.#work.trees.open(layers);
      return await this.#work.files.checksum({ ...layerSelection(tree.tree), ...choice });
    });
  }

  async #localChecksum(files: LocalFiles, choice: Choice): Promise<string> {
    const { identity, ignore, known } = files;
    const look = async () => {
      if (known) return checksumTree(known, { ignore, ownedByRoot: true, ...choice });
      using _held = await files.hold();
      return await this.#work.files.checksum({ ...localSelection(files), ...choice });
    };
    return await (identity === undefined
      ? look()
      : this.#work.checksums.get([identity, ignore, choice], look));
  }
}

/** The reasons that `SourceSelector` gives for missing files. */
const MISSING: readonly (string | undefined)[] = ['context-file-missing', 'copied-file-missing'];

/** BuildKit's words; what COPY says of missing files is nothing for mounts. */
function mountError({ paths: [path = ''] }: CopiedFiles, error: unknown): unknown {
  const isMissing = isEngineError(error) && MISSING.includes(error.reason);
  if (!isMissing) return error;
  const text = `failed to calculate checksum of mount source: "${path}": not found`;
  return new EngineError('invalid', text, { cause: error });
}

function localSelection({ directory, ignore }: LocalFiles): Omit<FileSelection, 'paths'> {
  return { source: directory, ignore, ownedByRoot: true };
}

function layerSelection(source: Tree): Omit<FileSelection, 'paths'> {
  return { source, ignore: [], ownedByRoot: false };
}
