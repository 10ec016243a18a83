import { formatDate } from '#base/timestamps.ts';
import type { FileWorkers } from '../files/file-workers.ts';
import type { LayerIntake } from '#image/owned-images.ts';
import type { BuildOutcome, BuiltImage } from './outcome.ts';
import type { LayerTrees } from '../solve/layer-trees.ts';
import type { Lease } from '#store/content.ts';

export interface SquashWork {
  readonly trees: Pick<LayerTrees, 'open'>;
  readonly files: Pick<FileWorkers, 'squash'>;
  readonly images: Pick<LayerIntake, 'addLayer'>;
}

/**
 * The same images, each with one layer above its base. As in Docker, the history keeps its lines, and the last says
 * what was done.
 */
export async function squashOutcome(
  work: SquashWork,
  outcome: BuildOutcome,
  options: { readonly lease: Lease; readonly signal: AbortSignal },
): Promise<BuildOutcome> {
  const images = await Promise.all(outcome.images.map((image) => squash(work, image, options)));
  return { ...outcome, images };
}

async function squash(
  { trees, files, images }: SquashWork,
  image: BuiltImage,
  { lease, signal }: { readonly lease: Lease; readonly signal: AbortSignal },
): Promise<BuiltImage> {
  const below = image.layers.slice(0, image.base.layers);
  const above = image.layers.slice(image.base.layers);
  if (above.length < 2) return image;
  using aboveTree = trees.open(above);
  using belowTree = trees.open(below);
  using wholeTree = trees.open(image.layers);
  const job = { above: aboveTree.tree, below: belowTree.tree, whole: wholeTree.tree };
  const layer = await images.addLayer(files.squash(job), { lease, signal });
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
