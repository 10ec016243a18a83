/**
 * What a reference means in a registry: manifest, configuration and layers, read and checked before anything is
 * fetched.
 */
import { createHash } from 'node:crypto';
import { isEngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeImageConfig, type ImageConfig, MAXIMUM_CONFIG_BYTES } from '#oci/image-config.ts';
import { decodeIndex, decodeManifest, type Manifest } from '#oci/manifest.ts';
import { isIndexType, type LayerCompression, layerCompressionOf, MEDIA_TYPES } from '#oci/media-types.ts';
import { hostPlatform, matchesPlatform, type Platform, platformText } from '#oci/platform.ts';
import { downloadBlob } from '#registry/download.ts';
import type { Registries, RemoteManifest, Repository } from '#registry/registry.ts';
import type { RetryPolicy } from '#registry/retry.ts';
import type { ContentStore } from '#store/content.ts';
import { imageError } from './image-errors.ts';

/** An index may list indexes, but not without end. */
const MAXIMUM_DEPTH = 3;

const CONFIG_TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPES.ociConfig,
  MEDIA_TYPES.dockerConfig,
  // What early versions of Docker wrote.
  'application/octet-stream',
  'application/json',
  '',
]);

export interface PullSource {
  /** What the reference itself means: an index or the manifest. */
  readonly root: RemoteManifest;
  /** Everything that was read, the root first; the image's own manifest is the last. */
  readonly manifests: readonly RemoteManifest[];
  readonly configBytes: Buffer;
  readonly config: ImageConfig;
  readonly layers: readonly PullLayer[];
}

export interface PullLayer {
  readonly descriptor: Descriptor;
  readonly compression: LayerCompression;
  /** What the configuration says that it is; the bytes have to show it. */
  readonly diffId: Digest;
}

export interface SourceReading {
  readonly registries: Registries;
  /** A configuration that is here is not fetched. */
  readonly content: ContentStore;
  readonly retry: RetryPolicy;
  /** Refuse larger layers. */
  readonly maximumLayerBytes: number;
}

export interface SourceOptions {
  readonly reading: Omit<SourceReading, 'registries'>;
  readonly repository: Repository;
  /** The name in messages. */
  readonly name: string;
  /** Tag or digest. */
  readonly reference: string;
  /** Absent: this machine's, and for an image without an index whatever it is. */
  readonly platform?: Platform;
  readonly signal: AbortSignal;
}

/**
 * @throws {EngineError} `no-manifest-for-platform`, `pulled-for-…`, `source-unusable`, `config-damaged`; what
 * `registry.ts` says
 */
export async function readPullSource(options: SourceOptions): Promise<PullSource> {
  const manifests = await resolveManifests(options);
  const [root] = manifests;
  const own = manifests.at(-1);
  if (!root || !own) throw unusable(options, 'no manifest');
  const manifest = decodeManifest(own.content);
  verifyTypes(manifest, options);
  const configBytes = await readConfig(manifest.config, options);
  const config = decodeImageConfig(configBytes);
  verifyConfig(config, options);
  return { root, manifests, configBytes, config, layers: layersOf(manifest, config) };
}

async function resolveManifests(options: SourceOptions): Promise<readonly RemoteManifest[]> {
  const manifests: RemoteManifest[] = [];
  let { reference } = options;
  while (manifests.length <= MAXIMUM_DEPTH) {
    const manifest = await options.repository.fetchManifest(reference);
    manifests.push(manifest);
    verifyKnown(manifest, options);
    if (!isIndexType(manifest.mediaType)) return manifests;
    reference = choose(manifest, options).digest;
  }
  throw unusable(options, 'indexes within indexes');
}

function verifyKnown({ mediaType }: RemoteManifest, options: SourceOptions): void {
  const isKnown = mediaType === MEDIA_TYPES.ociManifest || mediaType === MEDIA_TYPES.dockerManifest;
  if (isKnown || isIndexType(mediaType)) return;
  const isOld = mediaType.startsWith('application/vnd.docker.distribution.manifest.v1');
  const reason = isOld
    ? 'Docker image format v1 is no longer supported'
    : `unsupported manifest media type ${JSON.stringify(mediaType)}`;
  throw unusable(options, reason);
}

/** The first that fits, one with the wanted variant before others. */
function choose(index: RemoteManifest, options: SourceOptions): Descriptor {
  const wanted = options.platform ?? hostPlatform();
  const fitting = decodeIndex(index.content).manifests.filter(
    ({ platform, mediaType }) =>
      isIndexType(mediaType) || (platform !== undefined && matchesPlatform(platform, wanted)),
  );
  const exact = fitting.find(({ platform }) => platform?.variant === wanted.variant);
  const chosen = exact ?? fitting[0];
  if (chosen) return chosen;
  throw imageError('no-manifest-for-platform', {
    subject: options.name,
    details: { platform: platformText(wanted) },
  });
}

function verifyTypes({ config, layers }: Manifest, options: SourceOptions): void {
  const { maximumLayerBytes } = options.reading;
  if (!CONFIG_TYPES.has(config.mediaType))
    throw unusable(options, `it is no image, but ${JSON.stringify(config.mediaType)}`);
  for (const { mediaType, digest, size } of layers) {
    if (/foreign|nondistributable/.test(mediaType))
      throw unusable(options, `layer ${digest} is foreign, to be had from its owner only (${mediaType})`);
    if (!layerCompressionOf(mediaType))
      throw unusable(options, `unsupported layer media type ${JSON.stringify(mediaType)}`);
    if (size > maximumLayerBytes)
      throw unusable(options, `layer ${digest} has more than ${maximumLayerBytes} bytes`);
  }
}

function unusable({ name }: SourceOptions, problem: string): Error {
  return imageError('source-unusable', { subject: name, details: { problem } });
}

async function readConfig({ digest, size }: Descriptor, options: SourceOptions): Promise<Buffer> {
  const { repository, signal, name, reading } = options;
  if (size > MAXIMUM_CONFIG_BYTES)
    throw unusable(options, `its configuration has more than ${MAXIMUM_CONFIG_BYTES} bytes`);
  const present = await readPresent(reading.content, digest);
  if (present) return present;
  const descriptor = { digest, size };
  const bytes = Buffer.concat(
    await Array.fromAsync(downloadBlob({ repository, descriptor, offset: 0, retry: reading.retry, signal })),
  );
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (digest !== `sha256:${actual}`)
    throw imageError('config-damaged', { subject: name, details: { digest } });
  return bytes;
}

/** Nothing protects it yet: it may go while it is looked for. */
async function readPresent(content: ContentStore, digest: Digest): Promise<Buffer | undefined> {
  if (!(await content.stat(digest))) return undefined;
  try {
    return await content.readAll(digest, MAXIMUM_CONFIG_BYTES);
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

function verifyConfig({ os, architecture, variant }: ImageConfig, { name, platform }: SourceOptions): void {
  if (os !== '' && os !== 'linux')
    throw imageError('pulled-for-other-os', { subject: name, details: { os } });
  const actual = { os: os || 'linux', architecture, ...(variant ? { variant } : {}) };
  if (!platform || architecture === '' || matchesPlatform(actual, platform)) return;
  throw imageError('pulled-for-other-platform', {
    subject: name,
    details: { wanted: platformText(platform), actual: platformText(actual) },
  });
}

function layersOf({ layers }: Manifest, { rootfs }: ImageConfig): readonly PullLayer[] {
  if (layers.length !== rootfs.diff_ids.length)
    throw imageError('layer-count-differs', {
      details: { expected: rootfs.diff_ids.length, actual: layers.length },
    });
  return layers.flatMap((descriptor, index) => {
    const compression = layerCompressionOf(descriptor.mediaType);
    const diffId = rootfs.diff_ids[index];
    return compression && diffId ? [{ descriptor, compression, diffId }] : [];
  });
}
