import type { EmitEvent } from '#base/event.ts';
import { familiarReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { Metadata } from '#store/metadata.ts';
import { imageError } from './image-errors.ts';
import { emitImageEvent } from './image-events.ts';
import { findImage } from './image-lookup.ts';
import type { ImageTable } from './image-table.ts';

export interface TagRoles {
  readonly table: ImageTable;
  readonly metadata: Metadata;
  readonly emit: EmitEvent;
}

/** Gives an image another name. Durable when it resolves. @throws {EngineError} `no-such-image`, `tag-…` */
export async function tagImage(
  { table, metadata, emit }: TagRoles,
  source: string,
  target: string,
): Promise<void> {
  const image = findImage(table, source);
  const reference = withDefaultTag(parseReference(target));
  if (reference.digest) throw imageError('tag-by-digest', { subject: target });
  if (reference.path === 'library/sha256') throw imageError('tag-like-digest', { subject: target });
  table.add([], [{ reference, id: image.id }]);
  await metadata.durable();
  emitImageEvent(emit, 'tag', image, familiarReference(reference));
}
