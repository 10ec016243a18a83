import type { IndexPush, IndexPushed, ManifestInspect } from '#wire/manifest.ts';
import { type Client, path } from './client.ts';

export interface RegistryOptions {
  /** With the credentials for the registry. */
  readonly headers: Readonly<Record<string, string>>;
  /** It may speak http or show any certificate. */
  readonly insecure: boolean;
}

/** An extension of this engine: Docker has no such endpoint. @throws {ApiError} `not-found` */
export function inspectManifest(
  client: Client,
  name: string,
  { headers, insecure }: RegistryOptions,
): Promise<ManifestInspect> {
  return client.json({
    method: 'GET',
    path: path`/distribution/${name}/manifest`,
    query: { insecure },
    headers,
  });
}

/** An extension of this engine: Docker has no such endpoint. */
export function pushIndex(
  client: Client,
  name: string,
  index: IndexPush,
  { headers, insecure }: RegistryOptions,
): Promise<IndexPushed> {
  return client.json({
    method: 'PUT',
    path: path`/distribution/${name}/manifest`,
    query: { insecure },
    headers,
    json: index,
  });
}
