/** What is attested of images: in-toto statements that came with the index of an image, and name its manifest. */
import type { Descriptor } from '#oci/descriptor.ts';
import { JsonShape } from '#oci/json-shape.ts';
import { decodeIndex, decodeManifest, MAXIMUM_MANIFEST_BYTES } from '#oci/manifest.ts';
import type { ImageAttachments } from './image-attachments.ts';
import { findForPlatform, indexOf, type PlatformSources } from './image-platforms.ts';
import type { Attestation, AttestationQuery } from './image-view.ts';

const ANNOTATIONS = {
  kind: 'vnd.docker.reference.type',
  about: 'vnd.docker.reference.digest',
  predicate: 'in-toto.io/predicate-type',
} as const;

/** @throws {EngineError} `no-such-image`, `platform-not-here` */
export function listAttestations(
  sources: PlatformSources & { readonly attachments: ImageAttachments },
  reference: string,
  { platform, predicateTypes, withStatements }: AttestationQuery,
): readonly Attestation[] {
  const image = findForPlatform(sources, reference, platform);
  const index = indexOf(sources, image);
  if (!index) return [];
  const own = new Set<string>(sources.manifests.of(image.id).map(({ digest }) => digest));
  const documents = new Map(sources.attachments.of(image.id).map((each) => [each.digest, each.content]));
  const isAbout = ({ annotations = {} }: Descriptor) =>
    annotations[ANNOTATIONS.kind] === 'attestation-manifest' && own.has(annotations[ANNOTATIONS.about] ?? '');
  return decodeIndex(index.content)
    .manifests.filter(isAbout)
    .flatMap(({ digest }) => {
      const manifest = documents.get(digest);
      return manifest ? decodeManifest(manifest).layers : [];
    })
    .map((descriptor) => {
      const content = withStatements ? documents.get(descriptor.digest) : undefined;
      return {
        descriptor,
        predicateType: descriptor.annotations?.[ANNOTATIONS.predicate] ?? '',
        ...(content && { statement: new JsonShape('statement').parse(content, MAXIMUM_STATEMENT_BYTES) }),
      };
    })
    .filter(({ predicateType }) => predicateTypes.length === 0 || predicateTypes.includes(predicateType));
}

/** A list of packages may be long. */
const MAXIMUM_STATEMENT_BYTES = 16 * MAXIMUM_MANIFEST_BYTES;
