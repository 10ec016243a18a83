/** The last changes to an image: what its output says of times and caches goes into its configuration. */
import { createHash } from 'node:crypto';
import type { ImageLayer } from '#image/image-record.ts';
import { settleAll } from '#image/settle-all.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import type { ImageConfig } from '#oci/image-config.ts';
import type { Lease } from '#store/content.ts';
import type { Packing } from './pack/packing.ts';
import type { BuiltImage } from './outcome.ts';
import { type EstargzOptions, estargzLayer } from './estargz/estargz-layer.ts';
import { rewriteLayer } from './pack/rewrite-layer.ts';
import { clampConfig } from './source-date-epoch.ts';

export interface FinishOptions {
  readonly epoch?: number;
  /** Makes the layers no younger than `epoch`. */
  readonly rewriteTimestamps: boolean;
  /** The layers become eStargz, which are others to the configuration. */
  readonly estargz?: Pick<EstargzOptions, 'force' | 'level'>;
  /** The cache to put into the configuration, which names the layers that the image has. */
  readonly inlineCache?: (layers: readonly FinishedLayer[]) => Buffer | undefined;
  /** Protects what is made. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

export interface FinishedLayer extends ImageLayer {
  /** The diff ID of what an eStargz layer is made of. */
  readonly archive?: Digest;
}

/** An image as it leaves the builder. */
export interface FinishedImage {
  readonly built: BuiltImage;
  readonly config: ImageConfig;
  readonly configBytes: Buffer;
  /** The digest of `configBytes`. */
  readonly id: Digest;
  readonly layers: readonly ImageLayer[];
}

export async function finishImage(
  packing: Packing,
  built: BuiltImage,
  options: FinishOptions,
): Promise<FinishedImage> {
  const { epoch, inlineCache } = options;
  const layers = await finishLayers(packing, built, options);
  const clamped = clampConfig(built.config, epoch, built.base.history);
  const config = { ...clamped, rootfs: { ...clamped.rootfs, diff_ids: layers.map(({ diffId }) => diffId) } };
  const cache = inlineCache?.(layers);
  const fields = cache ? { ...config, 'moby.buildkit.cache.v0': cache.toString('base64') } : config;
  const configBytes = Buffer.from(JSON.stringify(fields));
  return { built, config, configBytes, id: digestOf(configBytes), layers };
}

async function finishLayers(
  packing: Packing,
  { layers, base }: BuiltImage,
  { epoch, rewriteTimestamps, estargz, lease, signal }: FinishOptions,
): Promise<readonly FinishedLayer[]> {
  const common = { lease, signal };
  return await settleAll(
    layers.map(async (layer, index) => {
      const isRewritten = epoch !== undefined && rewriteTimestamps && index >= base.layers;
      const clamped = isRewritten ? await rewriteLayer(packing, layer, { epoch, ...common }) : layer;
      if (!estargz) return clamped;
      const made = await estargzLayer(packing, clamped, { ...estargz, ...common });
      return made.diffId === clamped.diffId ? made : { ...made, archive: clamped.diffId };
    }),
  );
}

export function digestOf(bytes: Buffer): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}
