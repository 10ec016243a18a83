/** An image as the engine keeps it. */
import type { Digest } from '#oci/digest.ts';
import type { ImageConfig } from '#oci/image-config.ts';
import type { LayerCompression } from '#oci/media-types.ts';

/** One layer of an image and the blob it came as. */
export interface ImageLayer {
  readonly diffId: Digest;
  readonly blob: Digest;
  readonly compression: LayerCompression;
}

export interface ImageRecord {
  /** The digest of `configBytes`. */
  readonly id: Digest;
  readonly config: ImageConfig;
  /** Bottom first, one for each diff ID of the configuration. */
  readonly layers: readonly ImageLayer[];
  /** The image that this one was committed or built from, here. */
  readonly parent?: Digest;
  /** What cannot be read of it: the rest is what is left, and it can only be removed. */
  readonly damage?: string;
}

/** Everything that must not be collected while the image is there. */
export function blobsOf({ id, layers }: ImageRecord): readonly Digest[] {
  return [id, ...layers.map(({ blob }) => blob)];
}
