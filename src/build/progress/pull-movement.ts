import type { ProgressMessage } from '#wire/image.ts';
import type { Movement } from './build-progress.ts';

/** A line of a pull's progress as something that moves. */
export function movementOf({ id, status = '', progressDetail }: ProgressMessage): Movement | undefined {
  if (id === undefined || !/^[0-9a-f]{12}$/.test(id)) return undefined;
  if (status === 'Downloading') return { id, ...progressDetail };
  if (status === 'Download complete' || status === 'Already exists') return { id, isDone: true };
  if (status === 'Extracting') return { id: `extracting ${id}` };
  if (status === 'Pull complete') return { id: `extracting ${id}`, isDone: true };
  return undefined;
}
