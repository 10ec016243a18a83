/** The whole result of a build as one artifact: a manifest, or an index where there is more to say. */
import type { Artifact } from '#image/artifact.ts';
import { EngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import type { Reference } from '#oci/reference.ts';
import type { Packing } from './packing.ts';
import type { FinishedImage } from '../finish-image.ts';
import type { Attestation, BuildOutcome } from '../outcome.ts';
import { packAttestations } from './pack-attestations.ts';
import {
  descriptorOf,
  encodeDocument,
  type PackedImage,
  type PackOptions,
  packImage,
  withAnnotations,
} from './pack-image.ts';

export interface PackedArtifact extends Artifact {
  readonly descriptor: Descriptor;
  readonly images: readonly PackedImage[];
}

export interface ArtifactOptions extends PackOptions {
  /** What the attestations say the image is called. */
  readonly names: readonly Reference[];
  /** Attaches also what was asked for only where it can be attached. */
  readonly attachInline: boolean;
}

/** @throws {EngineError} `invalid` for annotations and attestations that have no place */
export async function packArtifact(
  packing: Packing,
  { isMultiPlatform }: Pick<BuildOutcome, 'isMultiPlatform'>,
  images: readonly FinishedImage[],
  options: ArtifactOptions,
): Promise<PackedArtifact> {
  const { annotations, isOci } = options;
  const strange = annotations.strange(images.map(({ built }) => built.platform));
  if (strange !== undefined) throw refusal(`annotations for ${strange}, for which nothing is built`);
  const attached = images.map(({ built }) => attestationsOf(built.attestations, options));
  const isIndex = isMultiPlatform || images.length > 1 || attached.some(({ length }) => length > 0);
  if (!isOci && !annotations.isEmpty) throw refusal('annotations with oci-mediatypes=false');
  if (!isOci && attached.some(({ length }) => length > 0))
    throw refusal('attestations with oci-mediatypes=false');
  if (!isIndex && annotations.needsIndex)
    throw refusal('annotations of an index: the result is one manifest');
  const packed: PackedImage[] = [];
  for (const image of images) packed.push(await packImage(packing, image, options));
  const [single] = packed;
  if (!isIndex && single) return artifactOf(single);
  return indexOf(packed, attached, options);
}

function refusal(what: string): EngineError {
  return new EngineError('invalid', `Cannot export image: ${what}`);
}

function attestationsOf(
  all: readonly Attestation[],
  { attachInline }: Pick<ArtifactOptions, 'attachInline'>,
): readonly Attestation[] {
  return attachInline ? all : all.filter(({ inlineOnly }) => !inlineOnly);
}

function artifactOf(packed: PackedImage): PackedArtifact {
  const { manifest, descriptor, blobs } = packed;
  return { root: manifest, manifests: [], blobs, descriptor, images: [packed] };
}

function indexOf(
  images: readonly PackedImage[],
  attached: readonly (readonly Attestation[])[],
  { annotations, isOci, names }: ArtifactOptions,
): PackedArtifact {
  const attestations = images.flatMap((image, index) => {
    const claims = attached[index] ?? [];
    return claims.length === 0 ? [] : [packAttestations(image, claims, names)];
  });
  const members = [...images, ...attestations];
  const root = encodeDocument({
    schemaVersion: 2,
    mediaType: isOci ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.dockerManifestList,
    manifests: members.map(({ descriptor }) => descriptor),
    ...withAnnotations(annotations.of('index')),
  });
  const blobs = new Map(
    members.flatMap((member) => member.blobs).map((blob) => [blob.descriptor.digest, blob]),
  );
  return {
    root,
    manifests: members.map(({ manifest }) => manifest),
    blobs: [...blobs.values()],
    descriptor: { ...descriptorOf(root), ...withAnnotations(annotations.of('index-descriptor')) },
    images,
  };
}
