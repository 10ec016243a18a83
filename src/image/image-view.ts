/** How images are shown. */
import type { JsonObject } from '#base/json.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import type { ImageConfig } from '#oci/image-config.ts';
import type { Platform } from '#oci/platform.ts';

/** One image, whole. */
export interface ImageView {
  readonly id: Digest;
  /** `repository:tag`, as people write it. */
  readonly tags: readonly string[];
  /** `repository@digest`. */
  readonly digests: readonly string[];
  /** The image that this one was made from, here. */
  readonly parent?: Digest;
  readonly config: ImageConfig;
  /** Bytes of all layers, uncompressed. */
  readonly sizeBytes: number;
  /** When it got its latest name; absent without names. */
  readonly lastTaggedAtMs?: number;
  /** Describes the index, or the manifest of an image without one. */
  readonly descriptor: Descriptor;
  /** Those of the index, or the only one; where asked for. */
  readonly manifests?: readonly ManifestView[];
}

/** One image in a list. */
export interface ImageSummary {
  readonly id: Digest;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly parent?: Digest;
  /** Absent where the image does not say. */
  readonly createdAtMs?: number;
  readonly sizeBytes: number;
  /** Bytes of layers that other images have too; where asked for. */
  readonly sharedBytes?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** How many containers were created from it. */
  readonly containers: number;
  /** As in {@link ImageView}; where asked for. */
  readonly descriptor?: Descriptor;
  readonly manifests?: readonly ManifestView[];
}

/** One manifest of an image. */
export interface ManifestView {
  readonly descriptor: Descriptor;
  /** The image for this platform is here. */
  readonly isHere: boolean;
  /** Bytes of manifest, configuration and blobs as they came. */
  readonly contentBytes: number;
  /** Those, and the bytes of the layers' files. */
  readonly totalBytes: number;
  readonly subject: ManifestSubject;
}

export type ManifestSubject =
  | {
      readonly kind: 'image';
      readonly platform: Platform;
      /** Bytes of the layers' files. */
      readonly unpackedBytes: number;
      /** Ids of the containers that were created from it. */
      readonly containers: readonly string[];
    }
  /** `about`: the digest of the manifest that it is about. */
  | { readonly kind: 'attestation'; readonly about: string }
  | { readonly kind: 'unknown' };

/** One step in which an image was made. */
export interface HistoryStep {
  /** Absent where the step is no image here. */
  readonly id?: Digest;
  readonly tags: readonly string[];
  /** Absent where the image does not say. */
  readonly createdAtMs?: number;
  readonly createdBy: string;
  /** Bytes that it added. */
  readonly sizeBytes: number;
  readonly comment: string;
}

/** One step of a removal. */
export type ImageRemoval =
  /** A name, as people write it. */
  | { readonly kind: 'untagged'; readonly name: string }
  /** The id of an image, or the chain ID of a stack of layers. */
  | { readonly kind: 'deleted'; readonly digest: Digest };

export interface ImagePruneReport {
  readonly removals: readonly ImageRemoval[];
  readonly reclaimedBytes: number;
}

export interface AttestationQuery {
  /** Absent: the one that the name means. */
  readonly platform?: Platform;
  /** URIs of in-toto; empty: all. */
  readonly predicateTypes: readonly string[];
  readonly withStatements: boolean;
}

/** An in-toto statement about an image. */
export interface Attestation {
  readonly descriptor: Descriptor;
  /** A URI; empty where nothing says it. */
  readonly predicateType: string;
  /** Where it is asked for. */
  readonly statement?: JsonObject;
}
