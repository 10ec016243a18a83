/** OCI image layouts (OCI image spec, image-layout.md), and Docker's archives, which are layouts with one file more. */
import { Readable } from 'node:stream';
import { type Artifact, readArtifactBlob } from '#image/artifact.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { type Digest, digestHex } from '#oci/digest.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import { canonicalReference, familiarReference, type Reference } from '#oci/reference.ts';
import type { ContentReader } from '#store/content.ts';
import { memoryBlob } from './pack/pack-image.ts';
import type { PackedArtifact } from './pack/pack-artifact.ts';

export interface LayoutFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly read: () => Readable;
}

export interface LayoutOptions {
  readonly names: readonly Reference[];
  /** With `manifest.json`, which is what `docker load` reads. Of one image only. */
  readonly forDocker: boolean;
}

/** Equal artifacts and names give equal files, in an order that does not change. */
export function layoutFiles(
  artifact: PackedArtifact,
  content: ContentReader,
  { names, forDocker }: LayoutOptions,
): readonly LayoutFile[] {
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: rootsOf(artifact, names) };
  return [
    ...blobFiles(artifact, content),
    jsonFile('index.json', index),
    ...(forDocker ? [jsonFile('manifest.json', dockerManifests(artifact, names))] : []),
    jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' }),
  ];
}

/** Blobs and manifests, in the order of their digests. */
export function blobFiles(artifact: Artifact, content: ContentReader): readonly LayoutFile[] {
  const documents = [...artifact.manifests, artifact.root].map((document) =>
    memoryBlob({ ...document, size: document.content.length }, document.content),
  );
  const unique = new Map([...artifact.blobs, ...documents].map((blob) => [blob.descriptor.digest, blob]));
  const files = [...unique.values()].map((blob) => ({
    path: blobPath(blob.descriptor.digest),
    sizeBytes: blob.descriptor.size,
    read: () => readArtifactBlob(blob, content),
  }));
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

export function jsonFile(path: string, value: unknown): LayoutFile {
  const bytes = Buffer.from(JSON.stringify(value));
  return { path, sizeBytes: bytes.length, read: () => Readable.from([bytes], { objectMode: false }) };
}

/** One entry for each name, as containerd writes it. */
function rootsOf({ descriptor }: PackedArtifact, names: readonly Reference[]): readonly Descriptor[] {
  if (names.length === 0) return [descriptor];
  return names.map((name) => ({
    ...descriptor,
    annotations: {
      ...descriptor.annotations,
      'io.containerd.image.name': canonicalReference(name),
      'org.opencontainers.image.ref.name': name.tag ?? '',
    },
  }));
}

function dockerManifests({ images }: PackedArtifact, names: readonly Reference[]): readonly object[] {
  return images.map(({ image, layers }) => ({
    Config: blobPath(image.id),
    RepoTags: names.length === 0 ? null : names.map(familiarReference),
    Layers: layers.map(({ digest }) => blobPath(digest)),
  }));
}
