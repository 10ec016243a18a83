/** Images as registries and layouts know them: a manifest, or an index of several, and the blobs that they name. */
import { Readable } from 'node:stream';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { canonicalReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { Repository } from '#registry/registry.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import type { ContentReader } from '#store/content.ts';
import type { Metadata } from '#store/metadata.ts';
import type { ImageAttachments } from './image-attachments.ts';
import type { ImageManifests, StoredManifest } from './image-manifests.ts';
import { type ImageSending, repositoriesWith } from './image-sending.ts';
import type { ImageTable } from './image-table.ts';
import { settleAll } from './settle-all.ts';

export interface Artifact {
  /** What a tag points at. */
  readonly root: StoredManifest;
  /** The manifests that the root names, where it is an index. */
  readonly manifests: readonly StoredManifest[];
  /** What the manifests name, each once. */
  readonly blobs: readonly ArtifactBlob[];
}

/** A blob of the content store, or a small one whose bytes are at hand. */
export interface ArtifactBlob {
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  readonly bytes?: Buffer;
}

export interface ArtifactPush {
  /** With a tag; `digest` in place of the tag leaves it without. */
  readonly reference: Reference;
  readonly byDigest?: boolean;
  readonly credentials: RegistryCredentials;
  readonly insecure: boolean;
  readonly signal: AbortSignal;
  /** Told of every blob that has to be sent. */
  readonly onProgress?: (blob: Digest, sentBytes: number, totalBytes: number) => void;
}

export function readArtifactBlob(
  { descriptor, bytes }: ArtifactBlob,
  content: ContentReader,
  offset = 0,
): Readable {
  if (bytes) return Readable.from([bytes.subarray(offset)], { objectMode: false });
  return content.read(descriptor.digest, { offset });
}

/**
 * Sends everything that the root leads to, and the root last: nothing half pushed is visible. The caller's lease
 * protects the blobs.
 *
 * @throws {EngineError} what `registry.ts` says
 */
export async function pushArtifact(
  sending: ImageSending,
  artifact: Artifact,
  push: ArtifactPush,
): Promise<void> {
  const { reference, credentials, insecure, signal } = push;
  const repository = sending.registries.open(reference, { credentials, access: 'push', insecure, signal });
  const { root, manifests, blobs } = artifact;
  await settleAll(blobs.map((blob) => sendBlob(sending, repository, blob, push)));
  await settleAll(manifests.map((manifest) => repository.putManifest(manifest.digest, manifest)));
  const { tag = 'latest' } = withDefaultTag(reference);
  await repository.putManifest(push.byDigest ? root.digest : tag, root);
}

async function sendBlob(
  { permits, content, table }: ImageSending,
  repository: Repository,
  blob: ArtifactBlob,
  { reference, signal, onProgress }: ArtifactPush,
): Promise<void> {
  const { digest, size } = blob.descriptor;
  using _permit = await permits.acquire(signal);
  await repository.upload({
    descriptor: blob.descriptor,
    read: (offset) => readArtifactBlob(blob, content, offset),
    mountFrom: blob.bytes ? [] : repositoriesWith(table, { digest }, reference),
    onProgress: (sent) => onProgress?.(digest, sent, size),
  });
}

/** What the engine is told of an image that it has as a part of an artifact. */
export interface KeptManifests {
  readonly id: Digest;
  readonly manifests: readonly StoredManifest[];
  /** Small ones that the index names beside images, with what they name. */
  readonly attachments: readonly StoredManifest[];
  /** Repositories in which the image is known by the digest of the first manifest. */
  readonly repositories: readonly Pick<Reference, 'domain' | 'path'>[];
}

export interface KeepingRoles {
  readonly table: ImageTable;
  readonly manifests: ImageManifests;
  readonly attachments: ImageAttachments;
  readonly metadata: Metadata;
}

/** Remembers what an image was packed as: a push sends the same bytes. Durable when it resolves. */
export async function keepManifests(roles: KeepingRoles, kept: KeptManifests): Promise<void> {
  const { id, manifests, attachments, repositories } = kept;
  const [first] = manifests;
  if (!first || !roles.table.get(id)) return;
  roles.manifests.add(id, manifests);
  roles.attachments.add(id, attachments);
  const names = new Map(
    repositories.map(({ domain, path }) => {
      const reference = { domain, path, digest: first.digest };
      return [canonicalReference(reference), { reference, id }];
    }),
  );
  roles.table.add([], [...names.values()]);
  await roles.metadata.durable();
}
