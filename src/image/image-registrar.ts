/** The last step of every way in which images come: all parts are there and durable, now they become images. */
import type { LayerStore } from '#layer/layer.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeImageConfig } from '#oci/image-config.ts';
import type { Reference } from '#oci/reference.ts';
import type { ContentStore, Lease } from '#store/content.ts';
import type { Metadata } from '#store/metadata.ts';
import { imageError } from './image-errors.ts';
import type { ImageManifests, StoredManifest } from './image-manifests.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import type { ImageTable } from './image-table.ts';
import type { ImageUses } from './image-uses.ts';
import type { LayerBlobs } from './layer-blobs.ts';

export interface NewImage {
  /** The configuration's exact bytes: their digest becomes the id. */
  readonly configBytes: Buffer;
  /** Bottom first; their layers are unpacked. */
  readonly layers: readonly ImageLayer[];
  readonly references: readonly Reference[];
  readonly parent?: Digest;
  /** What it came with: an index, where it is part of one, and its own manifest. */
  readonly manifests?: readonly StoredManifest[];
}

/** An image whose configuration is stored. */
export interface PreparedImage {
  readonly image: NewImage;
  readonly record: ImageRecord;
}

export interface RegistrarRoles {
  readonly content: ContentStore;
  readonly metadata: Metadata;
  readonly layers: LayerStore;
  readonly table: ImageTable;
  readonly manifests: ImageManifests;
  readonly layerBlobs: LayerBlobs;
  readonly uses: ImageUses;
}

/**
 * Verifies the layers against the configuration and stores the configuration's blob. The image is in no table yet: it
 * is there as long as the lease protects its parts.
 *
 * @throws {EngineError} `layer-count-differs`, `layer-differs`
 */
export async function prepareImage(
  image: NewImage,
  { content }: Pick<RegistrarRoles, 'content'>,
  lease: Lease,
): Promise<PreparedImage> {
  const config = decodeImageConfig(image.configBytes);
  verifyLayers(config.rootfs.diff_ids, image.layers);
  const { digest } = await content.put(image.configBytes, lease);
  const { layers, parent } = image;
  return { image, record: { id: digest, config, layers, ...(parent ? { parent } : undefined) } };
}

export class ImageRegistrar {
  readonly #roles: RegistrarRoles;

  constructor(roles: RegistrarRoles) {
    this.#roles = roles;
  }

  /** See {@link prepareImage}. */
  prepare(image: NewImage, lease: Lease): Promise<PreparedImage> {
    return prepareImage(image, this.#roles, lease);
  }

  /**
   * Makes the images and their names visible at once; durable when it resolves.
   *
   * @throws {EngineError} `layer-gone` if a layer was removed meanwhile
   */
  async register(images: readonly PreparedImage[]): Promise<void> {
    const { layers, table, manifests, uses, metadata } = this.#roles;
    for (const { record } of images)
      for (const { diffId } of record.layers)
        if (!layers.get(diffId))
          throw imageError('layer-gone', { subject: record.id, details: { layer: diffId } });
    for (const { image, record } of images) manifests.add(record.id, image.manifests ?? []);
    table.add(
      images.map(({ image, record }) => ({ record, configBytes: image.configBytes })),
      images.flatMap(({ image, record }) =>
        image.references.map((reference) => ({ reference, id: record.id })),
      ),
    );
    for (const { record } of images) uses.note(record.id);
    await metadata.durable();
  }

  /** The same of an image that came from a registry. */
  async registerPulled(prepared: PreparedImage): Promise<void> {
    await this.register([prepared]);
    this.#roles.layerBlobs.forget(prepared.record.layers.map(({ blob }) => blob));
  }

  /** An image is known in a repository by a digest now, unless it was removed meanwhile. */
  async registerPushed(
    id: Digest,
    { domain, path }: Pick<Reference, 'domain' | 'path'>,
    manifest: StoredManifest,
  ): Promise<void> {
    const { table, manifests, metadata } = this.#roles;
    if (!table.get(id)) return;
    manifests.addPushed(id, manifest);
    table.add([], [{ reference: { domain, path, digest: manifest.digest }, id }]);
    await metadata.durable();
  }
}

function verifyLayers(expected: readonly Digest[], layers: readonly ImageLayer[]): void {
  if (expected.length !== layers.length)
    throw imageError('layer-count-differs', {
      details: { expected: expected.length, actual: layers.length },
    });
  for (const [index, { diffId: actual }] of layers.entries()) {
    const wanted = expected[index] ?? '';
    if (actual !== wanted)
      throw imageError('layer-differs', { details: { index, expected: wanted, actual } });
  }
}
