/** One manifest of a list that is being made, in the words of `docker manifest`. */
import type { ManifestInspect } from '#wire/manifest.ts';

/** The platform of an entry; the keys are in the order in which Docker writes them. */
export interface EntryPlatform {
  readonly architecture: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
}

export interface EntryDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: EntryPlatform;
}

/** As Docker's command line stores and shows it. */
export interface ManifestEntry {
  /** The name under which it was found. */
  readonly Ref: string;
  readonly Descriptor: EntryDescriptor;
  /** The exact bytes, in base64. */
  readonly Raw: string;
  readonly SchemaV2Manifest?: unknown;
  readonly OCIManifest?: unknown;
}

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** Docker's encoder indents manifest lists by three. */
const LIST_INDENTATION = 3;

export function isList({ Descriptor: { mediaType } }: ManifestInspect): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST;
}

export function entryOf(
  reference: string,
  { Descriptor, Raw }: ManifestInspect,
  platform: EntryPlatform | undefined = Descriptor.platform,
): ManifestEntry {
  const { mediaType, digest, size } = Descriptor;
  const manifest: unknown = JSON.parse(textOf(Raw));
  return {
    Ref: reference,
    Descriptor: { mediaType, digest, size, ...(platform ? { platform } : {}) },
    Raw,
    ...(mediaType === OCI_MANIFEST ? { OCIManifest: manifest } : { SchemaV2Manifest: manifest }),
  };
}

export function textOf(raw: string): string {
  return Buffer.from(raw, 'base64').toString('utf8');
}

/** The list that entries make: its media type follows the first of them, as Docker's does. */
export function encodeList(entries: readonly ManifestEntry[]): {
  readonly mediaType: string;
  readonly text: string;
} {
  const isOci = entries[0]?.Descriptor.mediaType === OCI_MANIFEST;
  const mediaType = isOci ? OCI_INDEX : DOCKER_LIST;
  const manifests = entries.map(({ Descriptor }) => {
    const { mediaType: type, size, digest, platform } = Descriptor;
    return { mediaType: type, size, digest, ...(platform ? { platform } : {}) };
  });
  const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests }, undefined, LIST_INDENTATION);
  return { mediaType, text };
}
