/** Lists in pages: `?n=` and `?last=`, and a Link to what follows (distribution-spec, "Listing Tags"; RFC 8288). */
import type { Exchange, Headers } from './exchange.ts';
import { RegistryError } from './registry-error.ts';
import type { Page } from './registry-table.ts';

const DEFAULT_LIMIT = 1000;
const MAXIMUM_LIMIT = 10_000;

/** @throws {RegistryError} PAGINATION_NUMBER_INVALID */
function requestedPage({ query }: Exchange): Page {
  const text = query.get('n') ?? String(DEFAULT_LIMIT);
  if (!/^\d{1,15}$/.test(text)) throw new RegistryError('PAGINATION_NUMBER_INVALID', { n: text });
  return { last: query.get('last') ?? '', limit: Math.min(Number(text), MAXIMUM_LIMIT) };
}

export interface PagedList<Item> {
  readonly items: readonly Item[];
  readonly headers: Headers;
}

/** Asks for one item more than fits: it tells whether there is another page. */
export function page<Item>(
  exchange: Exchange,
  fetch: (page: Page) => readonly Item[],
  nameOf: (item: Item) => string,
): PagedList<Item> {
  const requested = requestedPage(exchange);
  if (requested.limit === 0) return { items: [], headers: {} };
  const found = fetch({ ...requested, limit: requested.limit + 1 });
  const items = found.slice(0, requested.limit);
  const last = items.at(-1);
  if (found.length === items.length || last === undefined) return { items, headers: {} };
  const query = new URLSearchParams(exchange.query);
  query.set('n', String(requested.limit));
  query.set('last', nameOf(last));
  return { items, headers: { Link: `<${exchange.path}?${query.toString()}>; rel="next"` } };
}
