/** One archive that docker-archive readers and OCI layout readers both understand. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Digest, digestHex } from '#oci/digest.ts';
import { decodeManifest, type Manifest } from '#oci/manifest.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import type { Platform } from '#oci/platform.ts';
import {
  canonicalReference,
  familiarName,
  familiarReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '#oci/reference.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import type { EmitEvent } from '#base/event.ts';
import type { ContentReader, Lease } from '#store/content.ts';
import { imageError } from './image-errors.ts';
import { emitImageEvent } from './image-events.ts';
import { fullId } from './image-lookup.ts';
import type { StoredManifest } from './image-manifests.ts';
import { findForPlatform, fits, indexOf, membersOfIndex, type PlatformSources } from './image-platforms.ts';
import type { ImageRecord } from './image-record.ts';
import { manifestToSave } from './image-save-manifest.ts';
import type { ImageTable } from './image-table.ts';
import type { WorkingSets } from './working-sets.ts';

export interface SaveRoles extends PlatformSources {
  readonly content: ContentReader;
  readonly workingSets: WorkingSets;
  readonly emit: EmitEvent;
}

interface SavedImage {
  readonly record: ImageRecord;
  /** What its names mean, where other platforms of it are saved with it. */
  readonly index?: StoredManifest;
  /** It has no entry of its own: the index of another leads to it. */
  readonly isOtherPlatform?: boolean;
  readonly references: readonly Reference[];
  readonly manifestBytes: Buffer;
  readonly manifest: Manifest;
  /** The manifest's digest. */
  readonly digest: Digest;
}

/**
 * Layers go out as they came in, compressed or not. Equal images and names give equal archives. The blobs stay
 * protected until the stream has ended or is destroyed. It fails where a blob is not what its digest says any more.
 *
 * @throws {EngineError} `no-such-image`, `platform-not-here`
 */
export async function saveImages(
  roles: SaveRoles,
  references: readonly string[],
  platforms: readonly Platform[] = [],
): Promise<Readable> {
  const { content, workingSets, emit } = roles;
  const chosen = chooseImages(roles, references, platforms);
  // The parts of an image that is removed meanwhile are deleted when this lease ends.
  const lease = workingSets.open();
  try {
    const images = (
      await Promise.all(
        [...chosen].map(([record, names]) =>
          describeAll(roles, { record, references: sortedNames(names), platforms, lease }),
        ),
      )
    ).flat();
    const archive = Readable.from(archiveOf(content, images), { objectMode: false, highWaterMark: 1 << 18 });
    archive.once('close', () => void lease[Symbol.asyncDispose]());
    for (const { record } of images) emitImageEvent(emit, 'save', record, record.id);
    return archive;
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

/** A bare repository means all its tags; an id means an image without a name. */
function chooseImages(
  sources: PlatformSources,
  texts: readonly string[],
  [platform, ...others]: readonly Platform[],
): Map<ImageRecord, Set<Reference>> {
  const { table } = sources;
  const chosen = new Map<ImageRecord, Set<Reference>>();
  const choose = (record: ImageRecord, ...references: readonly Reference[]) => {
    const names = chosen.get(record) ?? new Set();
    for (const reference of references) names.add(reference);
    chosen.set(record, names);
  };
  for (const text of texts) {
    const tags = fullId(text) ? [] : tagsOfRepository(table, text);
    for (const { reference, id } of tags)
      choose(findForPlatform(sources, platform ? familiarReference(reference) : id, platform), reference);
    if (tags.length > 0) continue;
    const record = findForPlatform(sources, text, platform);
    // What is not here is refused.
    for (const other of others) findForPlatform(sources, text, other);
    const named = fullId(text) ? undefined : table.named(withDefaultTag(parseReference(text)));
    choose(record, ...(named ? [named.reference] : []));
  }
  return chosen;
}

function tagsOfRepository(table: ImageTable, text: string) {
  const { domain, path, tag, digest } = parseReference(text);
  if (tag || digest) return [];
  return [...table.allNames()].filter(
    ({ reference }) => reference.domain === domain && reference.path === path && reference.tag !== undefined,
  );
}

function sortedNames(names: ReadonlySet<Reference>): readonly Reference[] {
  const byName = new Map([...names].map((name) => [canonicalReference(name), name]));
  return [...byName.keys()].toSorted().flatMap((key) => byName.get(key) ?? []);
}

interface Choice {
  readonly record: ImageRecord;
  readonly references: readonly Reference[];
  /** Empty: all. */
  readonly platforms: readonly Platform[];
  readonly lease: Lease;
}

/** The image, and with it what is here of its other platforms, as it came. */
async function describeAll(
  roles: SaveRoles,
  { record, references, platforms, lease }: Choice,
): Promise<readonly SavedImage[]> {
  const { content } = roles;
  const protect = ({ id, layers }: ImageRecord) => lease.protect(id, ...layers.map(({ blob }) => blob));
  protect(record);
  const members = membersOfIndex(roles, record).filter(
    ({ image }) => platforms.length === 0 || platforms.some((platform) => fits(image, platform)),
  );
  for (const { image } of members) protect(image);
  const index = indexOf(roles, record);
  const isWhole = async ({ manifest }: { readonly manifest: StoredManifest }) =>
    (
      await Promise.all(decodeManifest(manifest.content).layers.map(({ digest }) => content.stat(digest)))
    ).every(Boolean);
  if (!index || members.length < 2 || !(await Promise.all(members.map(isWhole))).every(Boolean))
    return [{ ...(await describe(content, record)), references }];
  return members.map(({ image, manifest: { content: manifestBytes, digest } }) => ({
    record: image,
    references: image === record ? references : [],
    manifest: decodeManifest(manifestBytes),
    manifestBytes,
    digest,
    ...(image === record ? { index } : { isOtherPlatform: true }),
  }));
}

async function describe(
  content: ContentReader,
  record: ImageRecord,
): Promise<Omit<SavedImage, 'references'>> {
  const { manifest, content: manifestBytes, digest } = await manifestToSave(record, content);
  return { record, manifest, manifestBytes, digest };
}

async function* archiveOf(
  content: ContentReader,
  images: readonly SavedImage[],
): AsyncGenerator<Buffer, void> {
  yield directory('blobs/');
  yield directory('blobs/sha256/');
  const written = new Set<Digest>();
  for (const { manifest, manifestBytes, digest: ownDigest, index } of images) {
    for (const { digest, size } of [...manifest.layers, manifest.config]) {
      if (written.has(digest)) continue;
      written.add(digest);
      yield encodeHeader({ path: blobPath(digest), type: 'file', sizeBytes: size });
      yield* wholeBlob(content, digest);
      yield paddingFor(size);
    }
    yield* file(blobPath(ownDigest), manifestBytes);
    if (index) yield* file(blobPath(index.digest), index.content);
  }
  const named = images.filter(({ isOtherPlatform }) => !isOtherPlatform);
  yield* file('index.json', json(layoutIndexOf(named)));
  yield* file('manifest.json', json(named.map(dockerManifestOf)));
  yield* file('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  const repositories = repositoriesOf(named);
  if (Object.keys(repositories).length > 0) yield* file('repositories', json(repositories));
  yield END_OF_ARCHIVE;
}

/** What a disk has changed must not go on in an archive that says otherwise. */
async function* wholeBlob(content: ContentReader, digest: Digest): AsyncGenerator<Buffer, void> {
  const hash = createHash('sha256');
  for await (const chunk of content.read(digest) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
  if (digest !== `sha256:${hash.digest('hex')}`) throw imageError('stored-blob-damaged', { subject: digest });
}

function directory(path: string): Buffer {
  return encodeHeader({ path, type: 'directory' });
}

function* file(path: string, content: Buffer): Generator<Buffer, void> {
  yield encodeHeader({ path, type: 'file', sizeBytes: content.length });
  yield content;
  yield paddingFor(content.length);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

/** One entry a name, as containerd writes it; an image without names has one without annotations. */
function layoutIndexOf(images: readonly SavedImage[]): object {
  const manifests = images.flatMap(({ references, manifest, manifestBytes, digest, index }) => {
    const descriptor = index
      ? { mediaType: index.mediaType, digest: index.digest, size: index.content.length }
      : { mediaType: manifest.mediaType, digest, size: manifestBytes.length };
    if (references.length === 0) return [descriptor];
    return references.map((reference) => ({
      ...descriptor,
      annotations: {
        'io.containerd.image.name': canonicalReference(reference),
        'org.opencontainers.image.ref.name': reference.tag ?? '',
      },
    }));
  });
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
}

function dockerManifestOf({ record, references, manifest }: SavedImage): object {
  return {
    Config: blobPath(record.id),
    RepoTags: references.length === 0 ? null : references.map(familiarReference),
    Layers: manifest.layers.map(({ digest }) => blobPath(digest)),
    LayerSources: Object.fromEntries(
      record.layers.map(({ diffId }, index) => [diffId, manifest.layers[index]]),
    ),
  };
}

/** `repositories` of the oldest format: names to the id of their top layer. */
function repositoriesOf(
  images: readonly SavedImage[],
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { record, references } of images)
    for (const reference of references) {
      const name = familiarName(reference);
      const top = record.layers.at(-1)?.diffId ?? record.id;
      repositories[name] = { ...repositories[name], [reference.tag ?? '']: digestHex(top) };
    }
  return repositories;
}
