import type { RootArchive, SnapshotStore } from '#layer/layer.ts';
import type { FileWorkers } from '../files/file-workers.ts';
import type { LayerIntake } from '#image/owned-images.ts';
import type { LayerTrees } from './layer-trees.ts';

/** What vertices that change files are solved with. */
export interface FileWork {
  readonly files: FileWorkers;
  readonly archive: Pick<RootArchive, 'put'>;
  readonly trees: LayerTrees;
  readonly snapshots: Pick<SnapshotStore, 'writeDiff'>;
  readonly images: Pick<LayerIntake, 'addLayer' | 'addLayerFile'>;
}
