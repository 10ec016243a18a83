/** What builds use of other domains: one interface for each purpose. */
import type { FileImageStore } from '#image/image-store.ts';
import type { LayerUse } from '#layer/layer-store.ts';
import type { Layer, LayerStore } from '#layer/layer.ts';

/** Images by their names: what a build begins with. */
export type NamedImages = Pick<FileImageStore, 'record' | 'referencesOf' | 'pull' | 'tag'>;

/** Where layers that a vertex has made go. */
export type LayerSink = Pick<FileImageStore, 'addLayer' | 'addLayerFile'>;

/** Protects what a build writes and reads. */
export type LeaseSource = Pick<FileImageStore, 'openLease'>;

/** Where finished images go: the engine's store, and registries. */
export type ImageSink = Pick<FileImageStore, 'register' | 'keepManifests' | 'tag' | 'pushArtifact'>;

/** Registries that keep caches. */
export type CacheRegistries = Pick<
  FileImageStore,
  'openRepository' | 'fetchLayer' | 'readRemoteBlob' | 'pushArtifact' | 'record'
>;

/** Which layers there are. */
export type LayerLookup = Pick<LayerStore, 'get'>;

/** Layers as builds read, unpack and mount them. */
export type BuildLayers = LayerStore & LayerUse & { readonly kind: Layer['kind'] };
