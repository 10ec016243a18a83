import type { Logger } from '#base/log.ts';
import type { Packing } from '../export/pack/packing.ts';
import type { CacheRegistries } from '../dependencies.ts';

/** What caches outside the engine are read and written with. */
export interface CacheTransferWork {
  readonly registries: CacheRegistries;
  readonly packing: Packing;
  readonly logger: Logger;
}
