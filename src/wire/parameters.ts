/**
 * The query parameters that an endpoint got, or lost, after version 1.24 of the API. A client of a version that does
 * not have a parameter is answered as if it had not sent it.
 */
import { EngineError } from '#base/errors.ts';
import { type ApiVersion, apiVersion } from './versions.ts';

/** The first version that has a parameter, or the first that does not have it any more. */
type Lifetime = { readonly since: string } | { readonly until: string };

/** By the endpoint's method and pattern. */
export const PARAMETERS: Readonly<Record<string, Readonly<Record<string, Lifetime>>>> = {
  'POST /build': { platform: { since: '1.32' }, outputs: { since: '1.40' } },
  'POST /build/prune': {
    'keep-storage': { until: '1.52' },
    'reserved-space': { since: '1.48' },
    'max-used-space': { since: '1.48' },
    'min-free-space': { since: '1.48' },
  },
  'POST /containers/create': { platform: { since: '1.41' } },
  'POST /containers/:id/stop': { signal: { since: '1.42' } },
  'POST /containers/:id/restart': { signal: { since: '1.42' } },
  'POST /containers/:id/wait': { condition: { since: '1.30' } },
  'GET /containers/:id/stats': { 'one-shot': { since: '1.41' } },
  'GET /images/json': {
    filter: { until: '1.41' },
    'shared-size': { since: '1.42' },
    manifests: { since: '1.47' },
    identity: { since: '1.54' },
  },
  'GET /images/:name*/json': { manifests: { since: '1.48' }, platform: { since: '1.49' } },
  'GET /images/:name*/history': { platform: { since: '1.48' } },
  'GET /images/get': { platform: { since: '1.48' } },
  'GET /images/:name*/get': { platform: { since: '1.48' } },
  'POST /images/load': { platform: { since: '1.48' } },
  'POST /images/create': { platform: { since: '1.32' } },
  'POST /images/:name*/push': { platform: { since: '1.46' } },
  'DELETE /images/:name*': { platforms: { since: '1.50' } },
  'GET /system/df': { type: { since: '1.42' }, verbose: { since: '1.52' } },
};

/**
 * The parameters of a query that an endpoint has in a version.
 *
 * @throws {EngineError} `invalid` where Go cannot read the query, with its texts
 */
export function knownParameters(query: string, endpoint: string, version: ApiVersion): URLSearchParams {
  const escape = /%(?![\da-f]{2}).{0,2}/i.exec(query)?.[0];
  if (escape !== undefined) throw new EngineError('invalid', `invalid URL escape ${JSON.stringify(escape)}`);
  if (query.includes(';')) throw new EngineError('invalid', 'invalid semicolon separator in query');
  const parameters = new URLSearchParams(query);
  for (const [name, lifetime] of Object.entries(PARAMETERS[endpoint] ?? {})) {
    if (!isKnown(lifetime, version)) parameters.delete(name);
  }
  return parameters;
}

function isKnown(lifetime: Lifetime, version: ApiVersion): boolean {
  if ('since' in lifetime) return version >= apiVersion(lifetime.since);
  return version < apiVersion(lifetime.until);
}
