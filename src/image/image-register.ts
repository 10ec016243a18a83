/** The last step of every way in which images come: all parts are there and durable, now they become images. */
import { EngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeImageConfig } from '#oci/image-config.ts';
import type { Reference } from '#oci/reference.ts';
import type { Lease } from '#store/content.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import type { ImageParts } from './image-parts.ts';

export interface NewImage {
  /** The configuration's exact bytes: their digest becomes the id. */
  readonly configBytes: Buffer;
  /** Bottom first; their layers are unpacked. */
  readonly layers: readonly ImageLayer[];
  readonly references: readonly Reference[];
  readonly parent?: Digest;
}

/** Verifies the layers against the configuration and stores the configuration's blob. */
export async function prepareImage(
  image: NewImage,
  parts: Pick<ImageParts, 'content'>,
  lease: Lease,
): Promise<ImageRecord> {
  const config = decodeImageConfig(image.configBytes);
  verifyLayers(config.rootfs.diff_ids, image.layers);
  const { digest } = await parts.content.put(image.configBytes, lease);
  return {
    id: digest,
    config,
    layers: image.layers,
    ...(image.parent ? { parent: image.parent } : undefined),
  };
}

function verifyLayers(expected: readonly Digest[], layers: readonly ImageLayer[]): void {
  if (expected.length !== layers.length)
    throw new EngineError(
      'invalid',
      `invalid manifest, layers length mismatch: expected ${expected.length}, got ${layers.length}`,
    );
  for (const [index, { diffId }] of layers.entries()) {
    if (diffId !== expected[index])
      throw new EngineError(
        'invalid',
        `invalid diffID for layer ${index}: expected "${expected[index]}", got "${diffId}"`,
      );
  }
}

/**
 * Makes the images and their names visible at once; durable when it resolves.
 *
 * @throws {EngineError} `conflict` if a layer was removed meanwhile
 */
export async function registerImages(
  images: readonly { readonly image: NewImage; readonly record: ImageRecord }[],
  parts: Pick<ImageParts, 'table' | 'metadata' | 'layers' | 'uses'>,
): Promise<void> {
  for (const { record } of images)
    for (const { diffId } of record.layers)
      if (!parts.layers.get(diffId))
        throw new EngineError(
          'conflict',
          `Cannot add image ${record.id}: layer ${diffId} was removed meanwhile`,
        );
  parts.table.add(
    images.map(({ image, record }) => ({ record, configBytes: image.configBytes })),
    images.flatMap(({ image, record }) =>
      image.references.map((reference) => ({ reference, id: record.id })),
    ),
  );
  for (const { record } of images) parts.uses.note(record.id);
  await parts.metadata.durable();
}
