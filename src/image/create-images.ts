/** Puts the images of one engine together: every function gets the roles that it uses. */
import type { EmitEvent } from '#base/event.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { Semaphore } from '#base/semaphore.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Digest } from '#oci/digest.ts';
import { createRegistries, type OwnedRegistries } from '#registry/registries.ts';
import type { ContentStore, Leases } from '#store/content.ts';
import type { Expendable } from '#store/expendable.ts';
import type { LostAndFound } from '#store/lost-and-found.ts';
import type { Metadata } from '#store/metadata.ts';
import { ImageAttachments } from './image-attachments.ts';
import { ImageGarbage } from './image-garbage.ts';
import { ImageGc } from './image-gc.ts';
import type { LayerSize } from './image-inspect.ts';
import { ImageManifests } from './image-manifests.ts';
import type { SourceReading } from './image-pull-source.ts';
import type { ImageDocuments } from './image-push-index.ts';
import { ImageRegistrar } from './image-registrar.ts';
import type { RemovalRoles } from './image-remove.ts';
import type { ImageSending } from './image-sending.ts';
import { ImageTable } from './image-table.ts';
import { ImageUses } from './image-uses.ts';
import type { ImageBudget, ImageUse } from './image.ts';
import { LayerBlobs } from './layer-blobs.ts';
import { LayerDownloads } from './layer-downloads.ts';
import { LayerPacking } from './layer-packing.ts';
import { WorkingSets } from './working-sets.ts';
import { EngineImages, type ImageRoles } from './engine-images.ts';
import type { OwnedImages } from './owned-images.ts';

const DEFAULT_MAXIMUM_LAYER_BYTES = 64 * 2 ** 30;
/** More than Docker's three: unpacking, not the network, is what takes a core each. */
const DEFAULT_MAXIMUM_DOWNLOADS = 8;
const DEFAULT_MAXIMUM_UPLOADS = 5;

export interface ImagesOptions {
  readonly content: ContentStore;
  /** Migrated with {@link imageMigrations}. */
  readonly metadata: Metadata;
  readonly layers: LayerStore;
  readonly leases: Leases;
  readonly expendable: Expendable;
  readonly lost: LostAndFound;
  /** Blobs and layers that others than images need: those of the build cache. */
  readonly heldElsewhere?: () => Iterable<Digest>;
  readonly use: ImageUse;
  readonly emit: EmitEvent;
  readonly logger?: Logger;
  /** Refuse larger blobs; the layer store has its own limit for what comes out of them. Default: 64 GiB. */
  readonly maximumLayerBytes?: number;
  /** The caller disposes it. */
  readonly registries?: OwnedRegistries;
  /** Layers that are downloaded at the same time. */
  readonly maximumDownloads?: number;
  /** Blobs that are uploaded at the same time. */
  readonly maximumUploads?: number;
  /** What images may take; absent: whatever there is. */
  readonly budget?: ImageBudget;
}

/**
 * Opens the images of one engine, once its layers and snapshots are open: what a crash left half done, and what
 * nothing needs, is deleted first.
 */
export async function createImages(options: ImagesOptions): Promise<OwnedImages> {
  const { content, layers, logger = silentLogger, heldElsewhere = () => [] } = options;
  const tables = openTables(options.metadata, logger);
  const garbage = new ImageGarbage({ ...options, ...tables, heldElsewhere, logger });
  await garbage.collectAll();
  await garbage.repair();
  const workingSets = new WorkingSets(options.leases, garbage, logger);
  const removal: RemovalRoles = { ...options, ...tables, garbage };
  const gc = new ImageGc({ removal, content, layers, logger }, options.budget);
  return new EngineImages(assemble(options, { ...tables, garbage }, workingSets), gc);
}

interface Tables {
  readonly table: ImageTable;
  readonly manifests: ImageManifests;
  readonly attachments: ImageAttachments;
  readonly uses: ImageUses;
  readonly layerBlobs: LayerBlobs;
}

function openTables(metadata: Metadata, logger: Logger): Tables {
  return {
    table: new ImageTable(metadata, logger),
    manifests: new ImageManifests(metadata),
    attachments: new ImageAttachments(metadata),
    uses: new ImageUses(metadata),
    layerBlobs: new LayerBlobs(metadata, logger),
  };
}

function assemble(
  options: ImagesOptions,
  tables: Tables & { readonly garbage: ImageGarbage },
  workingSets: WorkingSets,
): ImageRoles {
  const { content, layers, metadata, use, emit } = options;
  const { table, manifests, attachments, uses, layerBlobs: blobs } = tables;
  const maximumLayerBytes = options.maximumLayerBytes ?? DEFAULT_MAXIMUM_LAYER_BYTES;
  const registrar = new ImageRegistrar({ ...options, ...tables });
  const sizeOf: LayerSize = (diffId) => layers.get(diffId)?.sizeBytes ?? 0;
  const { reading, sending, downloads } = openTransfers(options, tables, maximumLayerBytes);
  const packing = new LayerPacking({ ...options, blobs });
  const documents: ImageDocuments = { manifests, attachments, content };
  return {
    making: { table, storage: { content, layers, maximumLayerBytes }, registrar, workingSets, emit },
    pulling: { reading, downloads, table, uses, registrar, workingSets, emit },
    pushing: { sending, packing, documents, registrar, workingSets, emit },
    showing: { table, manifests, content, use, sizeOf },
    removal: { ...tables, metadata, use, emit },
    keeping: { table, manifests, attachments, metadata },
  };
}

function openTransfers(
  options: ImagesOptions,
  { table, layerBlobs: blobs }: Tables,
  maximumLayerBytes: number,
): {
  readonly reading: SourceReading;
  readonly sending: ImageSending;
  readonly downloads: LayerDownloads;
} {
  const { content, registries = createRegistries() } = options;
  const { maximumDownloads = DEFAULT_MAXIMUM_DOWNLOADS, maximumUploads = DEFAULT_MAXIMUM_UPLOADS } = options;
  const { retry } = registries;
  return {
    reading: { registries, content, retry, maximumLayerBytes },
    sending: { registries, retry, permits: new Semaphore(maximumUploads), content, table },
    downloads: new LayerDownloads({ ...options, blobs, retry, maximumDownloads }),
  };
}
