/** Manifests and indexes as registries have them, read and written without an image here: `caisson manifest`. */
import { Readable } from 'node:stream';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeImageConfig, MAXIMUM_CONFIG_BYTES } from '#oci/image-config.ts';
import { decodeIndex, decodeManifest } from '#oci/manifest.ts';
import { isIndexType, MEDIA_TYPES } from '#oci/media-types.ts';
import type { Platform } from '#oci/platform.ts';
import { familiarName, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import { downloadBlob } from '#registry/download.ts';
import type { RemoteManifest, Repository } from '#registry/registry.ts';
import { imageError } from './image-errors.ts';
import type { ImageSending } from './image-sending.ts';
import { asImageError } from './registry-answers.ts';
import type {
  IndexPush,
  IndexPushReport,
  IndexSource,
  RemoteManifestRequest,
  RemoteManifestView,
} from './remote-image.ts';
import { settleAll } from './settle-all.ts';

/** @throws {EngineError} what `registry.ts` says */
export async function inspectManifest(
  sending: ImageSending,
  request: RemoteManifestRequest,
): Promise<RemoteManifestView> {
  const reference = withDefaultTag(parseReference(request.reference));
  const repository = openRepository(sending, reference, request, 'pull');
  try {
    const manifest = await repository.fetchManifest(reference.digest ?? reference.tag ?? '');
    const { mediaType, digest, content } = manifest;
    const platform = await platformOf(sending, repository, manifest);
    const descriptor = { mediaType, digest, size: content.length, ...(platform ? { platform } : {}) };
    return { descriptor, content };
  } catch (error) {
    throw asImageError(error, reference);
  }
}

function openRepository(
  { registries }: ImageSending,
  place: Pick<Reference, 'domain' | 'path'>,
  { credentials, insecure, signal }: RemoteManifestRequest,
  access: 'pull' | 'push',
): Repository {
  return registries.open(place, { credentials, access, insecure, signal });
}

const CONFIG_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig]);

async function platformOf(
  { retry }: ImageSending,
  repository: Repository,
  { mediaType, content }: RemoteManifest,
): Promise<Platform | undefined> {
  if (isIndexType(mediaType)) return undefined;
  const { config } = decodeManifest(content);
  if (!CONFIG_TYPES.has(config.mediaType) || config.size > MAXIMUM_CONFIG_BYTES) return undefined;
  const blob = downloadBlob({ repository, descriptor: config, offset: 0, retry });
  const { architecture, os, variant } = decodeImageConfig(Buffer.concat(await Array.fromAsync(blob)));
  return { architecture, os, ...(variant ? { variant } : {}) };
}

/**
 * Puts an index under a tag, and beside it what it names from other repositories of the registry.
 *
 * @throws {EngineError} `index-expected`, `index-of-other-registry`, `invalid` for a malformed index; what
 * `registry.ts`
 *   says. What was copied by then stays: nothing refers to it
 */
export async function pushIndex(
  sending: ImageSending,
  request: RemoteManifestRequest,
  { mediaType, content, sources }: IndexPush,
): Promise<IndexPushReport> {
  const reference = withDefaultTag(parseReference(request.reference));
  if (!isIndexType(mediaType)) throw imageError('index-expected', { subject: mediaType });
  const wanted = new Set(decodeIndex(content).manifests.map(({ digest }) => digest));
  const places = sources
    .map((source) => placeOf(source, reference))
    .filter(({ digest }) => wanted.has(digest));
  const target = openRepository(sending, reference, request, 'push');
  const copied = await settleAll(
    places
      .filter(({ path }) => path !== reference.path)
      .map(async ({ path, digest }) => {
        const from = openRepository(sending, { domain: reference.domain, path }, request, 'pull');
        await copyManifest(sending, { from, target, digest, signal: request.signal });
        return `${familiarName(reference)}@${digest}`;
      }),
  );
  const digest = await target.putManifest(reference.tag ?? '', { mediaType, content });
  return { digest, copied };
}

interface Place {
  readonly path: string;
  readonly digest: Digest;
}

function placeOf({ repository, digest }: IndexSource, target: Reference): Place {
  const { domain, path } = parseReference(repository);
  if (domain === target.domain) return { path, digest };
  throw imageError('index-of-other-registry', { details: { source: domain, target: target.domain } });
}

interface Copying {
  readonly from: Repository;
  readonly target: Repository;
  readonly digest: Digest;
  readonly signal: AbortSignal;
}

async function copyManifest(sending: ImageSending, copying: Copying): Promise<void> {
  const { from, target, digest } = copying;
  const { mediaType, content } = await from.fetchManifest(digest);
  const { config, layers } = decodeManifest(content);
  await settleAll([config, ...layers].map((blob) => copyBlob(sending, blob, copying)));
  await target.putManifest(digest, { mediaType, content });
}

/** Within the registry where it can, else through here. */
async function copyBlob(
  { permits, retry }: ImageSending,
  descriptor: Descriptor,
  { from, target, signal }: Omit<Copying, 'digest'>,
): Promise<void> {
  using _permit = await permits.acquire(signal);
  await target.upload({
    descriptor,
    read: (offset) =>
      Readable.from(downloadBlob({ repository: from, descriptor, offset, retry }), { objectMode: false }),
    mountFrom: [from.path],
  });
}
