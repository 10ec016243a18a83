/** Manifests and indexes as registries have them, read and written without an image here: `caisson manifest`. */
import { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeImageConfig, MAXIMUM_CONFIG_BYTES } from '#oci/image-config.ts';
import { decodeIndex, decodeManifest } from '#oci/manifest.ts';
import { isIndexType, MEDIA_TYPES } from '#oci/media-types.ts';
import type { Platform } from '#oci/platform.ts';
import { familiarName, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import { downloadBlob } from '#registry/download.ts';
import type { RemoteManifest, Repository } from '#registry/registry.ts';
import { type IndexPush, type IndexPushed, type ManifestInspect, splitSource } from '#wire/manifest.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import type { ImageParts } from './image-parts.ts';
import { inPullersWords } from './registry-texts.ts';
import { settleAll } from './settle-all.ts';

export interface RemoteRequest {
  /** `repository[:tag][@digest]` */
  readonly reference: string;
  readonly credentials: RegistryCredentials;
  /** The registry may speak http or show any certificate. */
  readonly insecure: boolean;
  readonly signal: AbortSignal;
}

/** @throws {EngineError} what `registry.ts` says */
export async function inspectManifest(parts: ImageParts, request: RemoteRequest): Promise<ManifestInspect> {
  const reference = withDefaultTag(parseReference(request.reference));
  const repository = openRepository(parts, reference, request, 'pull');
  try {
    const manifest = await repository.fetchManifest(reference.digest ?? reference.tag ?? '');
    const { mediaType, digest, content } = manifest;
    const platform = await platformOf(parts, repository, manifest);
    return {
      Descriptor: { mediaType, digest, size: content.length, ...(platform ? { platform } : {}) },
      Raw: content.toString('base64'),
    };
  } catch (error) {
    throw inPullersWords(error, reference);
  }
}

function openRepository(
  { registries }: ImageParts,
  place: Pick<Reference, 'domain' | 'path'>,
  { credentials, insecure, signal }: RemoteRequest,
  access: 'pull' | 'push',
): Repository {
  return registries.open(place, { credentials, access, insecure, signal });
}

const CONFIG_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig]);

async function platformOf(
  { registryRetry: retry }: ImageParts,
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
 * @throws {EngineError} `invalid` for an index that names what no source has, or another registry; what `registry.ts`
 *   says. What was copied by then stays: nothing refers to it
 */
export async function pushIndex(
  parts: ImageParts,
  request: RemoteRequest,
  { MediaType: mediaType, Raw, Sources }: IndexPush,
): Promise<IndexPushed> {
  const reference = withDefaultTag(parseReference(request.reference));
  const content = Buffer.from(Raw, 'base64');
  if (!isIndexType(mediaType)) throw new EngineError('invalid', `Cannot push ${mediaType}: not an index`);
  const wanted = new Set(decodeIndex(content).manifests.map(({ digest }) => digest));
  const sources = Sources.map((text) => sourceOf(text, reference)).filter(({ digest }) => wanted.has(digest));
  const target = openRepository(parts, reference, request, 'push');
  const copied = await settleAll(
    sources
      .filter(({ path }) => path !== reference.path)
      .map(async ({ path, digest }) => {
        const from = openRepository(parts, { domain: reference.domain, path }, request, 'pull');
        await copyManifest(parts, { from, target, digest });
        return `${familiarName(reference)}@${digest}`;
      }),
  );
  const digest = await target.putManifest(reference.tag ?? '', { mediaType, content });
  return { Digest: digest, Copied: copied };
}

interface Source {
  readonly path: string;
  readonly digest: Digest;
}

function sourceOf(text: string, target: Reference): Source {
  const { repository, digest } = splitSource(text);
  const { domain, path } = parseReference(repository);
  if (domain === target.domain) return { path, digest };
  throw new EngineError(
    'invalid',
    `cannot use source images from a different registry than the target image: ${domain} != ${target.domain}`,
  );
}

interface Copying {
  readonly from: Repository;
  readonly target: Repository;
  readonly digest: Digest;
}

async function copyManifest(parts: ImageParts, { from, target, digest }: Copying): Promise<void> {
  const { mediaType, content } = await from.fetchManifest(digest);
  const { config, layers } = decodeManifest(content);
  await settleAll([config, ...layers].map((blob) => copyBlob(parts, blob, from, target)));
  await target.putManifest(digest, { mediaType, content });
}

/** Within the registry where it can, else through here. */
async function copyBlob(
  { uploads, registryRetry: retry }: ImageParts,
  descriptor: Descriptor,
  from: Repository,
  target: Repository,
): Promise<void> {
  using _permit = await uploads.acquire();
  await target.upload({
    descriptor,
    read: (offset) =>
      Readable.from(downloadBlob({ repository: from, descriptor, offset, retry }), { objectMode: false }),
    mountFrom: [from.path],
  });
}
