import type { ImageExploration } from '#wire/explore.ts';
import type { ImageGcReport } from '#wire/image-gc.ts';
import type { HistoryEntry, ImageDeletion, ImageSummary } from '#wire/image.ts';
import { type Client, encodeFilters, path, type Query } from './client.ts';
import type { Filters } from './containers.ts';

export function listImages(
  client: Client,
  options: { readonly all?: boolean; readonly filters?: Filters; readonly manifests?: boolean } = {},
): Promise<readonly ImageSummary[]> {
  const { filters = {}, all, manifests } = options;
  return client.json({
    method: 'GET',
    path: '/images/json',
    query: { all, manifests, filters: encodeFilters(filters) },
  });
}

export function imageHistory(
  client: Client,
  name: string,
  query: { readonly platform?: string | undefined } = {},
): Promise<readonly HistoryEntry[]> {
  return client.json({ method: 'GET', path: path`/images/${name}/history`, query });
}

export function removeImage(
  client: Client,
  name: string,
  query: {
    readonly force?: boolean;
    readonly noprune?: boolean;
    /** As JSON. */
    readonly platforms?: readonly string[];
  },
): Promise<readonly ImageDeletion[]> {
  return client.json({ method: 'DELETE', path: path`/images/${name}`, query });
}

export function tagImage(client: Client, name: string, repo: string, tag: string): Promise<void> {
  return client.run({ method: 'POST', path: path`/images/${name}/tag`, query: { repo, tag } });
}

export interface ImagePruneReport {
  readonly ImagesDeleted: readonly ImageDeletion[] | null;
  readonly SpaceReclaimed: number;
}

export function pruneImages(client: Client, filters: Filters): Promise<ImagePruneReport> {
  return client.json({ method: 'POST', path: '/images/prune', query: { filters: encodeFilters(filters) } });
}

/** An extension of this engine: Docker has no such endpoint. */
export function collectImages(client: Client, query: Query): Promise<ImageGcReport> {
  return client.json({ method: 'POST', path: '/images/gc', query });
}

/** An extension of this engine: Docker has no such endpoint. */
export function exploreImage(client: Client, name: string, files: boolean): Promise<ImageExploration> {
  return client.json({ method: 'GET', path: path`/images/${name}/explore`, query: { files: String(files) } });
}
