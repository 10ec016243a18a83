/** Views of one image. */
import type { Digest } from '#oci/digest.ts';
import type { ImageHistory } from '#oci/image-config.ts';
import { familiarReference } from '#oci/reference.ts';
import { imageError } from './image-errors.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageTable, NamedImage } from './image-table.ts';
import type { HistoryStep, ImageView } from './image-view.ts';

/** Bytes of file contents in a layer. */
export type LayerSize = (diffId: Digest) => number;

export function imageSize(record: Pick<ImageRecord, 'layers'>, sizeOf: LayerSize): number {
  return record.layers.reduce((total, { diffId }) => total + sizeOf(diffId), 0);
}

/** When an image or a step was made; empty where it does not say. */
export function creationOf({ created = '' }: { readonly created?: string }): {
  readonly createdAtMs?: number;
} {
  const createdAtMs = Date.parse(created);
  return Number.isNaN(createdAtMs) ? {} : { createdAtMs };
}

/** The names that are no digests, as people write them. */
export function tagsOf(names: readonly NamedImage[]): readonly string[] {
  return names
    .filter(({ reference }) => !reference.digest)
    .map(({ reference }) => familiarReference(reference));
}

export function digestsOf(names: readonly NamedImage[]): readonly string[] {
  return names
    .filter(({ reference }) => reference.digest)
    .map(({ reference }) => familiarReference(reference));
}

export function viewOf(
  record: ImageRecord,
  names: readonly NamedImage[],
  sizeOf: LayerSize,
): Omit<ImageView, 'descriptor'> {
  const { id, config, parent } = record;
  return {
    id,
    tags: tagsOf(names),
    digests: digestsOf(names),
    ...(parent && { parent }),
    config,
    sizeBytes: imageSize(record, sizeOf),
    ...(names.length > 0 && { lastTaggedAtMs: Math.max(...names.map(({ taggedAtMs }) => taggedAtMs)) }),
  };
}

/**
 * Newest step first. Only steps that are images here have an id.
 *
 * @throws {EngineError} `history-too-long`
 */
export function imageHistory(
  record: ImageRecord,
  table: ImageTable,
  sizeOf: LayerSize,
): readonly HistoryStep[] {
  const sizes = layerSizes(record, sizeOf);
  const ids = ancestryOf(record, table);
  return record.config.history
    .map((step, index) => stepOf(step, sizes[index] ?? 0))
    .toReversed()
    .map((step, index) => {
      const id = ids[index];
      return id ? { ...step, id, tags: tagsOf(table.namesOf(id)) } : step;
    });
}

/** The bytes that each step of the history added. */
function layerSizes({ id, config, layers }: ImageRecord, sizeOf: LayerSize): readonly number[] {
  let next = 0;
  return config.history.map((step) => {
    if (step.empty_layer) return 0;
    const layer = layers[next++];
    if (!layer) throw imageError('history-too-long', { subject: id });
    return sizeOf(layer.diffId);
  });
}

function ancestryOf(record: ImageRecord, table: ImageTable): readonly Digest[] {
  const ids: Digest[] = [];
  for (let image: ImageRecord | undefined = record; image; image = image.parent && table.get(image.parent))
    ids.push(image.id);
  return ids;
}

function stepOf(step: ImageHistory, sizeBytes: number): HistoryStep {
  return {
    tags: [],
    ...creationOf(step),
    createdBy: step.created_by ?? '',
    sizeBytes,
    comment: step.comment ?? '',
  };
}
