import type { Context } from './context.ts';
import { splitReference } from './image-reference.ts';
import type { Output } from './output.ts';
import { showProgress } from './progress/progress-display.ts';
import { registryAuthHeader } from './registry-credentials.ts';

export interface PullOptions {
  readonly platform: string;
  /** Where the progress is shown; undefined for nowhere. */
  readonly output: Output | undefined;
  /** Every tag of the repository. */
  readonly allTags?: boolean;
}

/** `POST /images/create?fromImage=…`, shown as it goes. */
export async function pullImage(context: Context, image: string, options: PullOptions): Promise<void> {
  const { repository, tag } = splitReference(image);
  const response = await context.client.request({
    method: 'POST',
    path: '/images/create',
    query: {
      fromImage: repository,
      tag: options.allTags ? undefined : tag || 'latest',
      platform: options.platform || undefined,
    },
    headers: registryAuthHeader(context, image),
  });
  await showProgress(context, response.body, options.output);
}
