/** What the engine and its builds do with images beside what every caller does: one interface for each purpose. */
import type { Readable } from 'node:stream';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import type { Reference } from '#oci/reference.ts';
import type { OpenOptions, Repository } from '#registry/registry.ts';
import type { BlobInfo, Lease } from '#store/content.ts';
import type { Artifact, ArtifactPush, KeptManifests } from './artifact.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import type { NewImage } from './image-registrar.ts';
import type { ImageStore } from './image.ts';
import type { LayerSource } from './layer-download.ts';

export interface ImageLeases {
  /** Protects what a build writes until it is disposed; then what nothing needs is deleted. */
  openLease(): Lease;
}

export interface ImageRecords {
  /** Everything about an image, for building from it. @throws {EngineError} `no-such-image` */
  record(reference: string): ImageRecord;
  /** The layers of all images. */
  layersInUse(): ReadonlySet<string>;
}

/** Takes layers that are in no image yet. */
export interface LayerIntake {
  /** Unpacks a layer, which `lease` protects; undefined if nothing is in the tar. */
  addLayer(
    changes: Readable,
    options: { readonly lease: Lease; readonly signal?: AbortSignal },
  ): Promise<ImageLayer | undefined>;
  /** The same for a tar that is written right where it stays; see `ContentStore.putFile`. */
  addLayerFile(
    fill: (path: string) => Promise<BlobInfo>,
    options: { readonly lease: Lease; readonly signal?: AbortSignal },
  ): Promise<ImageLayer | undefined>;
  /** The compressed form of a layer. The caller's lease must protect the layer, and the blob at once. */
  packLayer(diffId: Digest, signal: AbortSignal): Promise<ImageLayer>;
}

/** Takes finished images. */
export interface ImageIntake {
  /**
   * Adds an image whose layers are unpacked already: what commit and build end with.
   *
   * @throws {EngineError} `layer-count-differs`, `layer-differs`
   */
  register(image: NewImage): Promise<Digest>;
  /** See `artifact.ts`. */
  keepManifests(kept: KeptManifests): Promise<void>;
  /** See `artifact.ts`. */
  pushArtifact(artifact: Artifact, push: ArtifactPush): Promise<void>;
}

/** Blobs and layers in registries; see `remote-blobs.ts`. */
export interface RemoteLayers {
  /** A repository of a registry, with the engine's settings. */
  openRepository(reference: Pick<Reference, 'domain' | 'path'>, options: OpenOptions): Repository;
  readRemoteBlob(repository: Repository, descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Buffer>;
  fetchLayer(source: LayerSource, diffId: Digest, signal: AbortSignal): Promise<ImageLayer>;
}

/** What a check of the whole root asks of images. */
export interface ImageUpkeep {
  /** A test whether a blob or a layer is an image's, or is being worked with, or is yet to be deleted. */
  ownership(): (digest: Digest) => boolean;
  records(): Iterable<ImageRecord>;
}

/** The images of one engine. Disposing them waits for what collects in the background. */
export interface OwnedImages
  extends ImageStore,
    ImageLeases,
    ImageRecords,
    LayerIntake,
    ImageIntake,
    RemoteLayers,
    AsyncDisposable {
  readonly upkeep: ImageUpkeep;
}
