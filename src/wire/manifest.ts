/** Manifests and indexes in registries: an extension of this engine, Docker's daemon has no such endpoints. */
import type { Digest } from '#oci/digest.ts';
import { isDigest } from '#oci/digest.ts';
import { JsonShape } from '#oci/json-shape.ts';
import { MAXIMUM_MANIFEST_BYTES } from '#oci/manifest.ts';
import type { Platform } from '#oci/platform.ts';

/** `GET /distribution/{name}/manifest`. */
export interface ManifestInspect {
  readonly Descriptor: {
    readonly mediaType: string;
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    /** From the configuration of an image; absent for indexes, and for what is not an image. */
    readonly platform?: Platform;
  };
  /** The exact bytes, in base64. */
  readonly Raw: string;
}

/** The body of `PUT /distribution/{name}/manifest`. */
export interface IndexPush {
  readonly MediaType: string;
  /** The exact bytes of the index, in base64. */
  readonly Raw: string;
  /** Where what the index names lies now: `repository@digest`, in the same registry. */
  readonly Sources: readonly string[];
}

export interface IndexPushed {
  readonly Digest: Digest;
  /** `repository@digest` of what was put beside the index, as it lay elsewhere. */
  readonly Copied: readonly string[];
}

const MAXIMUM_SOURCES = 10_000;

/** @throws {EngineError} `invalid` */
export function decodeIndexPush(body: string): IndexPush {
  const shape = new JsonShape('index to push');
  const bytes = Buffer.from(body);
  const value = shape.parse(bytes, MAXIMUM_MANIFEST_BYTES * 2);
  const sources = shape.optionalStrings(value, 'Sources', MAXIMUM_SOURCES) ?? [];
  return { MediaType: shape.string(value, 'MediaType'), Raw: shape.string(value, 'Raw'), Sources: sources };
}

/** A source taken apart. @throws {EngineError} `invalid` */
export function splitSource(text: string): { readonly repository: string; readonly digest: Digest } {
  const at = text.lastIndexOf('@');
  const digest = text.slice(at + 1);
  if (at > 0 && isDigest(digest)) return { repository: text.slice(0, at), digest };
  throw new JsonShape('index to push').refusal(`${JSON.stringify(text)} is not REPOSITORY@DIGEST`);
}
