/** What is claimed about an image, as BuildKit attaches it: a manifest beside the image's in the index. */
import type { ArtifactBlob } from '#image/artifact.ts';
import type { StoredManifest } from '#image/image-manifests.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { type Digest, digestHex } from '#oci/digest.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import type { Platform } from '#oci/platform.ts';
import { canonicalName, type Reference } from '#oci/reference.ts';
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import { digestOf } from '../finish-image.ts';
import type { Attestation, Subject } from '../outcome.ts';
import { descriptorOf, encodeDocument, memoryBlob, type PackedImage } from './pack-image.ts';

/** in-toto, "Statement layer specification". */
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v0.1';
const IN_TOTO = 'application/vnd.in-toto+json';
/** Clients that pick a platform never pick this one. */
const UNKNOWN_PLATFORM: Platform = { architecture: 'unknown', os: 'unknown' };

export interface Statement {
  readonly _type: string;
  readonly predicateType: string;
  readonly subject: readonly Subject[];
  readonly predicate: unknown;
}

export function statementOf(
  { predicateType, predicate, subject }: Attestation,
  defaultSubject: readonly Subject[],
): Statement {
  return { _type: STATEMENT_TYPE, predicateType, subject: subject ?? defaultSubject, predicate };
}

export interface PackedAttestations {
  readonly manifest: StoredManifest;
  readonly descriptor: Descriptor;
  readonly blobs: readonly ArtifactBlob[];
}

export function packAttestations(
  packed: PackedImage,
  attestations: readonly Attestation[],
  names: readonly Reference[],
): PackedAttestations {
  const { digest, platform = UNKNOWN_PLATFORM } = packed.descriptor;
  const subject = names.map((name) => ({
    name: packageUrl(name, platform),
    digest: { sha256: digestHex(digest) },
  }));
  const statements = attestations.map((attestation) => packStatement(attestation, subject));
  const config = packConfig(statements.map(({ descriptor }) => descriptor.digest));
  const manifest = encodeDocument({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: config.descriptor,
    layers: statements.map((statement) => statement.descriptor),
  });
  const annotations = {
    'vnd.docker.reference.digest': digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  };
  const descriptor = { ...descriptorOf(manifest), annotations, platform: UNKNOWN_PLATFORM };
  return { manifest, descriptor, blobs: [...statements, config] };
}

function packStatement(
  attestation: Attestation,
  subject: readonly Subject[],
): ArtifactBlob & { readonly descriptor: Descriptor } {
  const bytes = Buffer.from(JSON.stringify(statementOf(attestation, subject)));
  const annotations = { 'in-toto.io/predicate-type': attestation.predicateType };
  const descriptor = { mediaType: IN_TOTO, digest: digestOf(bytes), size: bytes.length, annotations };
  return { descriptor, bytes };
}

/** Makes it an image to tools that know nothing of attestations. */
function packConfig(diffIds: readonly Digest[]): ArtifactBlob & { readonly descriptor: Descriptor } {
  const rootfs = { type: 'layers', diff_ids: diffIds };
  const bytes = Buffer.from(JSON.stringify({ ...UNKNOWN_PLATFORM, config: {}, rootfs }));
  const descriptor = { mediaType: MEDIA_TYPES.ociConfig, digest: digestOf(bytes), size: bytes.length };
  return { ...memoryBlob(descriptor, bytes), descriptor };
}

/** purl-spec, type `docker`. */
function packageUrl(reference: Reference, platform: Platform): string {
  const { tag = 'latest' } = reference;
  const [, name = ''] = /^(?:docker\.io\/(?:library\/)?)?(.*)$/.exec(canonicalName(reference)) ?? [];
  return `pkg:docker/${name}@${encodeURIComponent(tag)}?platform=${encodeURIComponent(formatPlatform(platform))}`;
}
