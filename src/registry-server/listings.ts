/** Lists of repositories, tags and referrers. */
import { MEDIA_TYPES } from '#oci/media-types.ts';
import type { EndpointOf } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { page } from './pagination.ts';
import { RegistryError } from './registry-error.ts';
import type { ManifestRow, RegistryTable } from './registry-table.ts';

/** `/v2/_catalog`: not in the specification, but in every registry. */
export function listRepositories(table: RegistryTable, exchange: Exchange): void {
  const { items, headers } = page(exchange, (wanted) => table.repositories(wanted), String);
  exchange.sendJson(200, { repositories: items }, headers);
}

export function listTags(table: RegistryTable, exchange: Exchange, { repository }: EndpointOf<'tags'>): void {
  if (!table.hasRepository(repository)) throw new RegistryError('NAME_UNKNOWN', { name: repository });
  const { items, headers } = page(exchange, (wanted) => table.tags(repository, wanted), String);
  exchange.sendJson(200, { name: repository, tags: items }, headers);
}

/** Never 404: that nothing refers to it is an answer, too. */
export function listReferrers(
  table: RegistryTable,
  exchange: Exchange,
  { repository, digest: subject }: EndpointOf<'referrers'>,
): void {
  const wanted = exchange.query.get('artifactType') ?? '';
  const { items, headers } = page(
    exchange,
    (asked) => table.referrers(repository, subject, wanted, asked),
    ({ digest }) => digest,
  );
  const filtered = wanted === '' ? {} : { 'OCI-Filters-Applied': 'artifactType' };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: items.map(descriptorOf) };
  exchange.sendJson(200, index, { 'Content-Type': MEDIA_TYPES.ociIndex, ...filtered, ...headers });
}

function descriptorOf({ mediaType, digest, sizeBytes, artifactType, annotations }: ManifestRow): object {
  return { mediaType, digest, size: sizeBytes, artifactType, annotations };
}
