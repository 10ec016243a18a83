/** What builds use of other domains: one interface for each purpose. */
import type { ImageStore } from '#image/image.ts';
import type { ImageIntake, ImageRecords, RemoteLayers } from '#image/owned-images.ts';
import type { LayerUse } from '#layer/layer-store.ts';
import type { Layer, LayerStore } from '#layer/layer.ts';

/** Images by their names: what a build begins with. */
export type NamedImages = Pick<ImageRecords, 'record'> & Pick<ImageStore, 'referencesOf' | 'pull' | 'tag'>;

/** Where finished images go: the engine's store, and registries. */
export type ImageSink = ImageIntake & Pick<ImageStore, 'tag'>;

/** Registries that keep caches. */
export type CacheRegistries = RemoteLayers & Pick<ImageIntake, 'pushArtifact'> & Pick<ImageRecords, 'record'>;

/** Which layers there are. */
export type LayerLookup = Pick<LayerStore, 'get'>;

/** Layers as builds read, unpack and mount them. */
export type BuildLayers = LayerStore & LayerUse & { readonly kind: Layer['kind'] };
