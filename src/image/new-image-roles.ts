import type { EmitEvent } from '#base/event.ts';
import type { ImageRegistrar } from './image-registrar.ts';
import type { ImageTable } from './image-table.ts';
import type { LayerStorage } from './layer-storage.ts';
import type { WorkingSets } from './working-sets.ts';

/** What it takes to make an image of bytes that come in: commit, import, load. */
export interface NewImageRoles {
  readonly table: ImageTable;
  readonly storage: LayerStorage;
  readonly registrar: ImageRegistrar;
  readonly workingSets: WorkingSets;
  readonly emit: EmitEvent;
}
