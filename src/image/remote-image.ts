/** Images as registries have them. */
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import type { Platform } from '#oci/platform.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';

export interface RemoteImageRequest {
  /** `repository[:tag][@digest]` */
  readonly reference: string;
  readonly credentials: RegistryCredentials;
  readonly signal: AbortSignal;
}

export interface RemoteImage {
  readonly descriptor: Descriptor;
  readonly platforms: readonly Platform[];
}

export interface RemoteManifestRequest extends RemoteImageRequest {
  /** The registry may speak http or show any certificate. */
  readonly insecure: boolean;
}

export interface RemoteManifestView {
  /** With the platform that the configuration of an image names; without for indexes, and for what is not an image. */
  readonly descriptor: Descriptor;
  /** The exact bytes. */
  readonly content: Buffer;
}

/** An index that is to lie in a registry. */
export interface IndexPush {
  readonly mediaType: string;
  /** The exact bytes. */
  readonly content: Buffer;
  /** Where what the index names lies now, in the same registry. */
  readonly sources: readonly IndexSource[];
}

export interface IndexSource {
  /** The repository as people write it. */
  readonly repository: string;
  readonly digest: Digest;
}

export interface IndexPushReport {
  readonly digest: Digest;
  /** `repository@digest` of what was put beside the index, as it lay elsewhere. */
  readonly copied: readonly string[];
}
