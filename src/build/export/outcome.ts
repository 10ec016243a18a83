/** What a build has made, before it is exported. */
import type { ImageLayer } from '#image/image-record.ts';
import type { ImageConfig } from '#oci/image-config.ts';
import type { Platform } from '#oci/platform.ts';

/** The result for one platform. */
export interface BuiltImage {
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly layers: readonly ImageLayer[];
  /** How much of it the base image brought: that is never rewritten. */
  readonly base: { readonly layers: number; readonly history: number };
  /** What is claimed about it, in the order in which it is attached. */
  readonly attestations: readonly Attestation[];
}

/** in-toto's: something by its name, and its digests by their algorithms. */
export interface Subject {
  readonly name: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** A statement about an image, which as a rule is its subject (in-toto, "Statement layer specification"). */
export interface Attestation {
  readonly kind: 'provenance' | 'sbom';
  readonly predicateType: string;
  readonly predicate: unknown;
  /** What it is about, where it says so itself; absent: the image, or the files of the tree. */
  readonly subject?: readonly Subject[];
  /** The file that it is in an exported tree. */
  readonly fileName: string;
  /** Exported only where it can be attached to an image: the client did not ask for it explicitly. */
  readonly inlineOnly: boolean;
}

export interface BuildOutcome {
  /** One for each platform, in the order of the request. */
  readonly images: readonly BuiltImage[];
  /** The client asked for platforms: the result is an index even of one. */
  readonly isMultiPlatform: boolean;
  /** `SOURCE_DATE_EPOCH`, in seconds. */
  readonly epoch?: number;
}
