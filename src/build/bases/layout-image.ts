/** Base images that the client keeps as an OCI layout: `--build-context NAME=oci-layout://PATH`. */
import { fieldsOf } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import type { ImageRecord } from '#image/image-record.ts';
import { prepareImage } from '#image/image-registrar.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import { decodeImageConfig } from '#oci/image-config.ts';
import { decodeIndex, decodeManifest, type Manifest, MAXIMUM_MANIFEST_BYTES } from '#oci/manifest.ts';
import { isIndexType, layerCompressionOf } from '#oci/media-types.ts';
import { matchesPlatform, type Platform } from '#oci/platform.ts';
import type { Lease } from '#store/content.ts';
import type { BuildSession } from '../session/build-session.ts';
import type { NamedContext } from '../build.ts';
import { ClientFiles, fetchLayer, type LayerIntake } from '../cache-transfer/local-cache.ts';

const SCHEME = 'oci-layout://';
/** Indexes may name indexes, but not without end. */
const MAXIMUM_DEPTH = 4;

export type LayoutContext = Extract<NamedContext, { readonly kind: 'oci-layout' }>;

/** What stands for the layout where images have names. */
export function layoutName({ directory, digest }: LayoutContext): string {
  return `${SCHEME}${directory}@${digest}`;
}

/** The opposite of {@link layoutName}. */
export function layoutOfName(name: string): LayoutContext | undefined {
  if (!name.startsWith(SCHEME)) return undefined;
  const [directory = '', digest = ''] = name.slice(SCHEME.length).split('@');
  return isDigest(digest) ? { kind: 'oci-layout', directory, digest } : undefined;
}

export interface LayoutOptions {
  readonly session: BuildSession;
  readonly platform: Platform;
  /** Protects what the image stands on: it is in no table. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/** @throws {EngineError} `invalid` for what is no image, `not-found` for what is not there or for another platform */
export async function readLayoutImage(
  intake: LayerIntake,
  { directory, digest }: LayoutContext,
  { session, platform, lease, signal }: LayoutOptions,
): Promise<ImageRecord> {
  const files = new ClientFiles(session, directory);
  const manifest = await manifestIn(files, digest, platform, signal);
  const configBytes = await files.blob(manifest.config.digest, MAXIMUM_MANIFEST_BYTES, signal);
  const { diff_ids: diffIds } = decodeImageConfig(configBytes).rootfs;
  const layers = await Promise.all(
    manifest.layers.map(async ({ digest: blob, size, mediaType }, index) => {
      const compression = layerCompressionOf(mediaType);
      const diffId = diffIds[index];
      if (compression === undefined || diffId === undefined)
        throw new EngineError(
          'invalid',
          `Cannot use ${SCHEME}${directory}: layer ${blob} is of no known kind`,
        );
      return await fetchLayer(intake, files, { blob, size, diffId, compression }, { signal, lease });
    }),
  );
  const image = { configBytes, layers, references: [] };
  return (await prepareImage(image, intake, lease)).record;
}

async function manifestIn(
  files: ClientFiles,
  root: Digest,
  platform: Platform,
  signal: AbortSignal,
): Promise<Manifest> {
  let digest = root;
  for (let depth = 0; depth < MAXIMUM_DEPTH; depth++) {
    const content = await files.blob(digest, MAXIMUM_MANIFEST_BYTES, signal);
    if (!isIndex(content)) return decodeManifest(content);
    const chosen = decodeIndex(content).manifests.find(
      (each) => isIndexType(each.mediaType) || (each.platform && matchesPlatform(each.platform, platform)),
    );
    if (!chosen) throw new EngineError('not-found', `Cannot use ${root}: it has no image for the platform`);
    digest = chosen.digest;
  }
  throw new EngineError('invalid', `Cannot use ${root}: indexes within indexes`);
}

function isIndex(content: Buffer): boolean {
  return 'manifests' in fieldsOf(JSON.parse(content.toString()));
}
