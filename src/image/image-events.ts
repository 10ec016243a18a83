import type { EmitEvent } from '#base/event.ts';
import type { Digest } from '#oci/digest.ts';
import type { ImageRecord } from './image-record.ts';

export type ImageAction = 'pull' | 'load' | 'import' | 'save' | 'tag' | 'untag' | 'delete';

/** Reports with the image's labels and, as `name`, the reference or id that it was about. */
export function emitImageEvent(
  emit: EmitEvent,
  action: ImageAction,
  image: Pick<ImageRecord, 'id' | 'config'>,
  name: string | Digest,
): void {
  emit({ type: 'image', action, id: image.id, attributes: { ...image.config.config.Labels, name } });
}
