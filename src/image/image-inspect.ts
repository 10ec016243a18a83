/** One image in the words of the Engine API. */
import { EngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import type { ImageConfig, ImageHistory } from '#oci/image-config.ts';
import { familiarReference } from '#oci/reference.ts';
import type { HistoryEntry, ImageInspect } from '#wire/image.ts';
import { formatDate, ZERO_TIME } from '#base/timestamps.ts';
import { toContainerConfig } from './container-config.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageTable, NamedImage } from './image-table.ts';

/** Bytes of file contents in a layer. */
export type LayerSize = (diffId: Digest) => number;

export function imageSize(record: Pick<ImageRecord, 'layers'>, sizeOf: LayerSize): number {
  return record.layers.reduce((total, { diffId }) => total + sizeOf(diffId), 0);
}

/** Seconds since the epoch; Go's zero time where the image does not say. */
export function createdSeconds({ created }: { readonly created?: string }): number {
  const milliseconds = Date.parse(created ?? ZERO_TIME);
  return Math.floor((Number.isNaN(milliseconds) ? Date.parse(ZERO_TIME) : milliseconds) / 1000);
}

/** `RepoTags`. */
export function tagsOf(names: readonly NamedImage[]): readonly string[] {
  return names
    .filter(({ reference }) => !reference.digest)
    .map(({ reference }) => familiarReference(reference));
}

/** `RepoDigests`. */
export function digestsOf(names: readonly NamedImage[]): readonly string[] {
  return names
    .filter(({ reference }) => reference.digest)
    .map(({ reference }) => familiarReference(reference));
}

export function inspectImage(
  record: ImageRecord,
  names: readonly NamedImage[],
  sizeOf: LayerSize,
): ImageInspect {
  const { config, id } = record;
  const lastTagMs = Math.max(0, ...names.map(({ taggedAtMs }) => taggedAtMs));
  return {
    Id: id,
    RepoTags: tagsOf(names),
    RepoDigests: digestsOf(names),
    Parent: record.parent ?? '',
    Comment: commentOf(config),
    Created: config.created ?? ZERO_TIME,
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: toContainerConfig(config.config),
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : undefined),
    Os: config.os,
    Size: imageSize(record, sizeOf),
    GraphDriver: { Name: 'overlay2', Data: null },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: lastTagMs === 0 ? ZERO_TIME : formatDate(lastTagMs) },
  };
}

function commentOf({ comment, history }: ImageConfig): string {
  return comment ?? history.at(-1)?.comment ?? '';
}

/**
 * Newest step first. Only steps that are images here have an id.
 *
 * @throws {EngineError} `invalid` if the history tells of more layers than there are
 */
export function imageHistory(
  record: ImageRecord,
  table: ImageTable,
  sizeOf: LayerSize,
): readonly HistoryEntry[] {
  const sizes = layerSizes(record, sizeOf);
  const ids = ancestryOf(record, table);
  return record.config.history
    .map((step, index) => entryOf(step, sizes[index] ?? 0))
    .toReversed()
    .map((entry, index) => {
      const id = ids[index];
      if (!id) return entry;
      const tags = tagsOf(table.namesOf(id));
      return { ...entry, Id: id, Tags: tags.length > 0 ? tags : null };
    });
}

/** The bytes that each step of the history added. */
function layerSizes({ config, layers }: ImageRecord, sizeOf: LayerSize): readonly number[] {
  let next = 0;
  return config.history.map((step) => {
    if (step.empty_layer) return 0;
    const layer = layers[next++];
    if (!layer) throw new EngineError('invalid', 'too many non-empty layers in History section');
    return sizeOf(layer.diffId);
  });
}

function ancestryOf(record: ImageRecord, table: ImageTable): readonly Digest[] {
  const ids: Digest[] = [];
  for (let image: ImageRecord | undefined = record; image; image = image.parent && table.get(image.parent))
    ids.push(image.id);
  return ids;
}

function entryOf(step: ImageHistory, sizeBytes: number): HistoryEntry {
  return {
    Id: '<missing>',
    Created: createdSeconds(step),
    CreatedBy: step.created_by ?? '',
    Tags: null,
    Size: sizeBytes,
    Comment: step.comment ?? '',
  };
}
