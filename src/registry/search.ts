import { JsonShape } from '#oci/json-shape.ts';
import type { RegistryCredentials } from './credentials.ts';
import type { EndpointClient } from './endpoint-client.ts';
import { readBody } from './read-body.ts';
import type { SearchResult } from './registry.ts';

const HUB_SEARCH_HOST = 'index.docker.io';
const MAXIMUM_BYTES = 16 * 1024 * 1024;
const MAXIMUM_RESULTS = 100;

export interface SearchOptions {
  readonly limit: number;
  readonly credentials: RegistryCredentials;
  readonly signal?: AbortSignal;
}

/** The search of Docker's first registry protocol, which Docker Hub and a few others still have. */
export async function searchRegistry(
  term: string,
  { limit }: SearchOptions,
  endpointOf: (host: string) => EndpointClient,
): Promise<readonly SearchResult[]> {
  const { host, query } = splitTerm(term);
  const parameters = new URLSearchParams({ q: query, n: String(Math.min(limit, MAXIMUM_RESULTS)) });
  const response = await endpointOf(host).request({
    method: 'GET',
    target: `/v1/search?${parameters.toString()}`,
    action: `search ${host}`,
    headers: { 'X-Docker-Token': 'true' },
    scopes: [],
  });
  const shape = new JsonShape('search results');
  const value = shape.parse(await readBody(response, MAXIMUM_BYTES), MAXIMUM_BYTES);
  return shape.array(value, 'results', MAXIMUM_RESULTS).map((item) => {
    const result = shape.object(item, 'result');
    return {
      name: shape.optionalString(result, 'name') ?? '',
      description: shape.optionalString(result, 'description') ?? '',
      starCount: shape.optionalInteger(result, 'star_count') ?? 0,
      isOfficial: shape.optionalBoolean(result, 'is_official') ?? false,
      isAutomated: shape.optionalBoolean(result, 'is_automated') ?? false,
    };
  });
}

/** `registry.example.com/busybox` searches there for `busybox`. */
function splitTerm(term: string): { readonly host: string; readonly query: string } {
  const slash = term.indexOf('/');
  const first = term.slice(0, Math.max(0, slash));
  if (!/[.:]/.test(first) && first !== 'localhost')
    return { host: HUB_SEARCH_HOST, query: term.replace(/^library\//, '') };
  const isHub = first === 'docker.io' || first === HUB_SEARCH_HOST;
  return { host: isHub ? HUB_SEARCH_HOST : first, query: term.slice(slash + 1) };
}
