import type { Context } from './context.ts';
import { splitReference } from './image-reference.ts';
import { showProgress } from './progress/progress-display.ts';

export interface ImportOptions {
  /** `-` for `body`, or a URL that the engine fetches. */
  readonly from: string;
  readonly body?: AsyncIterable<Buffer>;
  readonly reference: string;
  readonly changes: readonly string[];
  readonly message: string;
  readonly platform: string;
}

/** `POST /images/create?fromSrc=…`: a root file system becomes an image of one layer, whose id is printed. */
export async function importImage(context: Context, options: ImportOptions): Promise<void> {
  const { repository, tag } = splitReference(options.reference);
  const response = await context.client.request({
    method: 'POST',
    path: '/images/create',
    query: {
      fromSrc: options.from,
      repo: repository || undefined,
      tag: tag || undefined,
      message: options.message || undefined,
      changes: options.changes,
      platform: options.platform || undefined,
    },
    ...(options.body ? { body: options.body } : {}),
  });
  await showProgress(response.body, context.stdout);
}
