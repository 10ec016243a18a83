import type { Layer, RootArchive } from '#layer/layer.ts';
import type { LocalFiles } from '../definition/vertex.ts';
import type { FileWorkers } from '../files/file-workers.ts';
import type { Downloads } from '../remote/downloads.ts';
import type { LayerTrees } from '../solve/layer-trees.ts';
import type { ContextStore } from './context-store.ts';

/** Where files of a build come from, once it is known that they can be had. */
export interface ContextSourceFiles extends AsyncDisposable {
  /** All of them came at once: there is nothing to receive. */
  readonly isWhole: boolean;
  /** Small texts, for the builder itself; those that are not there are not in the result. Links stay inside. */
  read(paths: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * What a plan may name. Only once.
   *
   * @param ignore patterns of an ignore file
   */
  files(ignore: readonly string[]): LocalFiles;
  /**
   * Makes the files available that the paths lead to. Not before `files`, and only once.
   *
   * @param paths may have wildcards; none: everything
   */
  receive(paths: readonly string[], onProgress: (transferredBytes: number) => void): Promise<void>;
}

export interface SourceOptions {
  /** An empty directory, only for it. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/** How received files become a directory of this machine. */
export interface FileIntake {
  /** Where the kernel mounts files from one that holds them all, it is `erofs`. */
  readonly layers: { readonly kind: Layer['kind'] };
  readonly files: Pick<FileWorkers, 'index' | 'warm'>;
  readonly archive: Pick<RootArchive, 'put'>;
}

/** Where files of builds come from. */
export interface ContextWork {
  readonly intake: FileIntake;
  /** Directories of clients. */
  readonly contexts: Pick<ContextStore, 'sync'>;
  readonly downloads: Pick<Downloads, 'get' | 'file'>;
  readonly trees: Pick<LayerTrees, 'mountWritable'>;
  /** Must not be in memory, for what is written there may be large. */
  readonly workDirectory: string;
}
