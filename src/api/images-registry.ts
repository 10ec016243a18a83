/** Images between here and registries. */
import { EngineError } from '#base/errors.ts';
import type { DistributionInspect } from '#wire/distribution.ts';
import type { ProgressMessage } from '#wire/image.ts';
import { parseInteger } from '#base/integers.ts';
import { booleanFilter, checkFilters } from '#base/filters.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import { RegistryFailure } from '#registry/registry-failure.ts';
import { decodeAuthBody, decodeRegistryAuth } from '#wire/registry-auth.ts';
import type { SearchEntry } from '#wire/search.ts';
import { dockerErrorText } from './errors/docker-error.ts';
import { inContext } from './errors/in-context.ts';
import type { Exchange } from './exchange.ts';
import { encodeProgress } from './image-progress.ts';
import { platformOf, referenceOf } from './images.ts';
import { sendProgress } from './progress.ts';
import { credentialsFromAuth } from './registry-credentials.ts';
import { readTextBody } from './request-body.ts';
import { sendJson } from './respond.ts';
import { get, post, type Route } from './route.ts';

const SEARCH_FILTERS = new Set(['is-automated', 'is-official', 'stars']);
const DEFAULT_SEARCH_LIMIT = 25;
const MAXIMUM_SEARCH_LIMIT = 100;

export const imageRegistryRoutes: readonly Route[] = [
  post('/images/:name*/push', push),
  get('/images/search', search),
  get('/distribution/:name*/json', inspectRemote),
  post('/auth', logIn),
];

/** `POST /images/create?fromImage=…` */
export async function pull(exchange: Exchange): Promise<void> {
  const reference = referenceOf(exchange.text('fromImage'), exchange.text('tag'));
  if (reference === '')
    throw new EngineError('invalid', 'Cannot create image: neither fromSrc nor fromImage given');
  const platform = exchange.text('platform');
  const progress = exchange.engine.images.pull({
    reference,
    ...(platform !== '' && { platform }),
    credentials: credentialsOf(exchange),
    signal: exchange.signal,
  });
  await sendProgress(exchange, withDockersStatus(encodeProgress(progress)));
}

/** A header that cannot be read means anonymous, as in Docker. */
export function credentialsOf({ request }: Exchange): RegistryCredentials {
  const header = request.headers['x-registry-auth'];
  try {
    return credentialsFromAuth(decodeRegistryAuth(typeof header === 'string' ? header : undefined));
  } catch {
    return {};
  }
}

/** Docker answers 500 where a registry refuses: clients take 401 as being about the engine, and ask for a password. */
async function* withDockersStatus(messages: AsyncIterable<ProgressMessage>): AsyncGenerator<ProgressMessage> {
  try {
    yield* messages;
  } catch (error) {
    const isRegistrys =
      error instanceof RegistryFailure && (error.code === 'unauthorized' || error.code === 'forbidden');
    throw isRegistrys ? new EngineError('internal', dockerErrorText(error), { cause: error }) : error;
  }
}

/** `POST /images/{name}/push` */
async function push(exchange: Exchange): Promise<void> {
  const progress = exchange.engine.images.push({
    reference: referenceOf(exchange.param('name'), exchange.text('tag')),
    ...platformOf(exchange),
    credentials: credentialsOf(exchange),
    signal: exchange.signal,
  });
  await sendProgress(exchange, withDockersStatus(encodeProgress(progress)));
}

async function logIn(exchange: Exchange): Promise<void> {
  const auth = decodeAuthBody(await readTextBody(exchange));
  const { registries } = exchange.engine;
  const { identityToken, status } = await registries.login(
    auth.serveraddress ?? '',
    credentialsFromAuth(auth),
    exchange.signal,
  );
  sendJson(exchange, 200, { IdentityToken: identityToken, Status: status });
}

async function inspectRemote(exchange: Exchange): Promise<void> {
  const { descriptor, platforms } = await exchange.engine.images.inspectRemote({
    reference: exchange.param('name'),
    credentials: credentialsOf(exchange),
    signal: exchange.signal,
  });
  const answer: DistributionInspect = {
    Descriptor: descriptor,
    Platforms: platforms.map(({ architecture, os, variant }) => ({
      architecture,
      os,
      ...(variant ? { variant } : {}),
    })),
  };
  sendJson(exchange, 200, answer);
}

async function search(exchange: Exchange): Promise<void> {
  const filters = exchange.filters();
  checkFilters(filters, SEARCH_FILTERS);
  const asked = exchange.text('limit');
  const limit =
    asked === ''
      ? DEFAULT_SEARCH_LIMIT
      : await inContext('invalid limit specified', () => parseInteger(asked));
  if (limit < 1 || limit > MAXIMUM_SEARCH_LIMIT)
    throw new EngineError(
      'invalid',
      `limit ${exchange.text('limit')} is outside the range of [1, ${MAXIMUM_SEARCH_LIMIT}]`,
    );
  const term = exchange.text('term');
  const { signal } = exchange;
  const results = await exchange.engine.registries.search(term, {
    limit,
    credentials: credentialsOf(exchange),
    signal,
  });
  const stars = Math.max(0, ...(filters.get('stars') ?? []).map(Number));
  const official = booleanFilter(filters, 'is-official');
  const automated = booleanFilter(filters, 'is-automated');
  const entries = results
    .filter(({ starCount }) => starCount >= stars)
    .filter(({ isOfficial }) => official === undefined || isOfficial === official)
    .filter(({ isAutomated }) => automated === undefined || isAutomated === automated)
    .map(
      ({ name, description, starCount, isOfficial, isAutomated }): SearchEntry => ({
        star_count: starCount,
        is_official: isOfficial,
        name,
        is_automated: isAutomated,
        description,
      }),
    );
  sendJson(exchange, 200, entries);
}
