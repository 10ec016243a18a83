import { ApiError } from '#client/api-error.ts';
import type { Query } from '#client/client.ts';
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
  const query = {
    fromImage: repository,
    tag: options.allTags ? undefined : tag || 'latest',
    platform: options.platform || undefined,
  };
  await transferImage(context, image, { path: '/images/create', query, output: options.output });
}

interface Transfer {
  readonly path: string;
  readonly query: Query;
  readonly output: Output | undefined;
}

/** From or to the registry of an image. @throws {ApiError} whose subject is the image */
export async function transferImage(
  context: Context,
  image: string,
  { path, query, output }: Transfer,
): Promise<void> {
  const headers = registryAuthHeader(context, image);
  try {
    const response = await context.client.request({ method: 'POST', path, query, headers });
    await showProgress(response.body, output);
  } catch (error) {
    throw error instanceof ApiError ? new ApiError(error.status, error.message, image) : error;
  }
}
