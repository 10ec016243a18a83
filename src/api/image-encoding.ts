/** Images as Docker tells them. */
import { formatDate, ZERO_TIME } from '#base/timestamps.ts';
import { unreachable } from '#base/unreachable.ts';
import type {
  Attestation,
  HistoryStep,
  ImageRemoval,
  ImageSummary,
  ImageView,
  ManifestView,
} from '#image/image-view.ts';
import type { ImageConfig } from '#oci/image-config.ts';
import { parseReference } from '#oci/reference.ts';
import { STORAGE_DRIVER } from './storage-driver.ts';
import { encodeImageDefaults } from '#wire/image-defaults.ts';
import type {
  AttestationStatement,
  HistoryEntry,
  ImageDeletion,
  ImageInspect,
  ImageSummary as WireSummary,
  ManifestSummary,
} from '#wire/image.ts';

/** `GET /images/{name}/json` */
export function encodeImage(image: ImageView): ImageInspect {
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Parent: image.parent ?? '',
    Comment: commentOf(config),
    ...(config.created !== undefined && { Created: config.created }),
    ContainerConfig: encodeImageDefaults({}),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: encodeImageDefaults(config.config),
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : undefined),
    Os: config.os,
    Size: image.sizeBytes,
    VirtualSize: image.sizeBytes,
    GraphDriver: { Name: STORAGE_DRIVER, Data: null },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: {
      LastTagTime: image.lastTaggedAtMs === undefined ? ZERO_TIME : formatDate(image.lastTaggedAtMs),
    },
    Descriptor: image.descriptor,
    ...(image.manifests && { Manifests: image.manifests.map((each) => encodeManifest(each)) }),
    ...encodeIdentity(image),
  };
}

/** Images that came from a registry, or went to one, have digests there. */
function encodeIdentity({ digests }: Pick<ImageView, 'digests'>): Pick<ImageInspect, 'Identity'> {
  const repositories = new Set(digests.map((digest) => repositoryOf(digest)));
  if (repositories.size === 0) return {};
  return { Identity: { Pull: [...repositories].map((name) => ({ Repository: name })) } };
}

function repositoryOf(reference: string): string {
  const { domain, path } = parseReference(reference);
  return `${domain}/${path}`;
}

function commentOf({ comment, history }: ImageConfig): string {
  return comment ?? history.at(-1)?.comment ?? '';
}

/**
 * One row of `GET /images/json`.
 *
 * @param withIdentity tells with each manifest where its image came from
 */
export function encodeImageSummary(image: ImageSummary, withIdentity = false): WireSummary {
  const identity = withIdentity ? encodeIdentity(image) : {};
  return {
    Id: image.id,
    ParentId: image.parent ?? '',
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Created: secondsOf(image.createdAtMs),
    Size: image.sizeBytes,
    VirtualSize: image.sizeBytes,
    SharedSize: image.sharedBytes ?? -1,
    Labels: image.labels ?? null,
    Containers: image.containers ?? -1,
    ...(image.descriptor && { Descriptor: image.descriptor }),
    ...(image.manifests && { Manifests: image.manifests.map((each) => encodeManifest(each, identity)) }),
  };
}

/** Go's zero time where it is not known. */
function secondsOf(timeMs = Date.parse(ZERO_TIME)): number {
  return Math.floor(timeMs / 1000);
}

function encodeManifest(
  { descriptor, isHere, contentBytes, totalBytes, subject }: ManifestView,
  identity: Pick<ImageInspect, 'Identity'> = {},
): ManifestSummary {
  const common = {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: isHere,
    Size: { Content: contentBytes, Total: totalBytes },
  };
  switch (subject.kind) {
    case 'image': {
      const { platform, unpackedBytes, containers } = subject;
      const data = {
        Platform: platform,
        ...(isHere && identity),
        Size: { Unpacked: unpackedBytes },
        Containers: containers,
      };
      return { ...common, Kind: 'image', ImageData: data };
    }
    case 'attestation':
      return { ...common, Kind: 'attestation', AttestationData: { For: subject.about } };
    case 'unknown':
      return { ...common, Kind: 'unknown' };
  }
  return unreachable(subject);
}

/** One row of `GET /images/{name}/attestations`. */
export function encodeAttestation({
  descriptor,
  predicateType,
  statement,
}: Attestation): AttestationStatement {
  return { Descriptor: descriptor, PredicateType: predicateType, ...(statement && { Statement: statement }) };
}

/** One row of `GET /images/{name}/history`. */
export function encodeHistoryStep(step: HistoryStep): HistoryEntry {
  return {
    Id: step.id ?? '<missing>',
    Created: secondsOf(step.createdAtMs),
    CreatedBy: step.createdBy,
    Tags: step.tags.length > 0 ? step.tags : null,
    Size: step.sizeBytes,
    Comment: step.comment,
  };
}

/** One row of the answer to `DELETE /images/{name}` and to a prune. */
export function encodeRemoval(removal: ImageRemoval): ImageDeletion {
  switch (removal.kind) {
    case 'untagged':
      return { Untagged: removal.name };
    case 'deleted':
      return { Deleted: removal.digest };
  }
  return unreachable(removal);
}
