import { formatDate } from '#base/timestamps.ts';
import type { BuildParts } from '../build-parts.ts';
import type { BuildOutcome, BuiltImage } from './outcome.ts';
import { openLayerTree } from '../solve/layer-tree.ts';
import type { Lease } from '#store/content.ts';

/**
 * The same images, each with one layer above its base. As in Docker, the history keeps its lines, and the last says
 * what was done.
 */
export async function squashOutcome(
  parts: BuildParts,
  outcome: BuildOutcome,
  options: { readonly lease: Lease; readonly signal: AbortSignal },
): Promise<BuildOutcome> {
  const images = await Promise.all(outcome.images.map((image) => squash(parts, image, options)));
  return { ...outcome, images };
}

async function squash(
  parts: BuildParts,
  image: BuiltImage,
  { lease, signal }: { readonly lease: Lease; readonly signal: AbortSignal },
): Promise<BuiltImage> {
  const below = image.layers.slice(0, image.base.layers);
  const above = image.layers.slice(image.base.layers);
  if (above.length < 2) return image;
  using aboveTree = openLayerTree(parts, above);
  using belowTree = openLayerTree(parts, below);
  using wholeTree = openLayerTree(parts, image.layers);
  const job = { above: aboveTree.tree, below: belowTree.tree, whole: wholeTree.tree };
  const layer = await parts.images.addLayer(parts.files.squash(job), { lease, signal });
  const layers = layer ? [...below, layer] : below;
  const created = formatDate(Date.now());
  const history = image.config.history.map((line, index) =>
    index < image.base.history ? line : { ...line, empty_layer: true },
  );
  const merged = {
    created,
    comment: `merge of ${above.length} layers`,
    ...(layer ? {} : { empty_layer: true }),
  };
  const rootfs = { ...image.config.rootfs, diff_ids: layers.map(({ diffId }) => diffId) };
  return { ...image, layers, config: { ...image.config, created, rootfs, history: [...history, merged] } };
}
