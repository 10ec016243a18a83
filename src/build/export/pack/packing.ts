import type { LayerIntake } from '#image/owned-images.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { ContentStore } from '#store/content.ts';
import type { BuildCache } from '../../cache/build-cache.ts';

/** What layers are packed, rewritten and converted with. */
export interface Packing {
  readonly content: ContentStore;
  readonly layers: Pick<LayerStore, 'get' | 'read' | 'unpack'>;
  readonly images: Pick<LayerIntake, 'packLayer' | 'addLayer'>;
  /** What is made of a layer is kept there. */
  readonly cache: Pick<BuildCache, 'get' | 'set'>;
}
