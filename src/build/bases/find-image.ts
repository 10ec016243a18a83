import { isEngineError } from '#base/errors.ts';
import type { ImageRecord } from '#image/image-record.ts';
import type { NamedImages } from '../dependencies.ts';

/** @returns undefined if no image here has the name */
export function findImage(images: Pick<NamedImages, 'record'>, reference: string): ImageRecord | undefined {
  try {
    return images.record(reference);
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}
