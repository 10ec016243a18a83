/** `/images`: what is there, and its names. */
import { EngineError } from '#base/errors.ts';
import type { Platform } from '#oci/platform.ts';
import { familiarReference, parseReference, withTag } from '#oci/reference.ts';
import { checkFilters, type Filters } from '#base/filters.ts';
import { decodePlatform } from '#wire/platform.ts';
import type { Exchange } from './exchange.ts';
import {
  encodeAttestation,
  encodeHistoryStep,
  encodeImage,
  encodeImageSummary,
  encodeRemoval,
} from './image-encoding.ts';
import { sendAnswer, sendEmpty, sendJson } from './respond.ts';
import { get, post, type Route, remove } from './route.ts';

const LIST_FILTERS = new Set(['before', 'dangling', 'label', 'reference', 'since', 'until']);
const PRUNE_FILTERS = new Set(['dangling', 'label', 'label!', 'until']);

export const imageRoutes: readonly Route[] = [
  get('/images/json', list),
  get('/images/:name*/json', inspect),
  get('/images/:name*/history', async (exchange) => {
    const history = await exchange.engine.images.history(exchange.param('name'), platformOf(exchange));
    sendJson(exchange, 200, history.map(encodeHistoryStep));
  }),
  get('/images/:name*/attestations', attestations),
  post('/images/:name*/tag', tag),
  post('/images/prune', prune),
  remove('/images/:name*', async (exchange) => {
    if (exchange.param('name').trim() === '') throw new EngineError('invalid', 'image name cannot be blank');
    const removals = await exchange.engine.images.remove(exchange.param('name'), {
      force: exchange.flag('force'),
      platforms: platformsOf(exchange, 'platforms'),
      prune: !exchange.flag('noprune'),
    });
    sendJson(exchange, 200, removals.map(encodeRemoval));
  }),
];

async function inspect(exchange: Exchange): Promise<void> {
  const manifests = exchange.flag('manifests');
  const choice = platformOf(exchange);
  if (manifests && choice.platform)
    throw new EngineError(
      'invalid',
      'conflicting options: manifests and platform options cannot both be set',
    );
  const image = await exchange.engine.images.inspect(exchange.param('name'), { ...choice, manifests });
  sendAnswer(exchange, 'imageInspect', encodeImage(image));
}

/** The query parameter `platform`. @throws {EngineError} `invalid` */
export function platformOf(exchange: Exchange): { readonly platform?: Platform } {
  const platform = decodePlatform(exchange.text('platform'));
  return platform ? { platform } : {};
}

async function attestations(exchange: Exchange): Promise<void> {
  if (!exchange.speaks('1.55'))
    throw new EngineError('invalid', 'GET /images/{name:.*}/attestations requires minimum API version 1.55');
  const [platform, ...more] = platformsOf(exchange, 'platform');
  if (more.length > 0) throw new EngineError('invalid', 'only one platform can be specified');
  const found = exchange.engine.images.attestations(exchange.param('name'), {
    ...(platform && { platform }),
    predicateTypes: exchange.query.getAll('type'),
    withStatements: exchange.flag('statement'),
  });
  sendJson(exchange, 200, found.map(encodeAttestation));
}

/** A query parameter that may be there several times. @throws {EngineError} `invalid` */
export function platformsOf(exchange: Exchange, name: 'platform' | 'platforms'): readonly Platform[] {
  return exchange.query.getAll(name).flatMap((text) => decodePlatform(text) ?? []);
}

async function list(exchange: Exchange): Promise<void> {
  const filters = withFormerFilter(exchange.filters(), exchange.text('filter'));
  checkFilters(filters, LIST_FILTERS);
  const withIdentity = exchange.flag('identity');
  if (withIdentity && !exchange.flag('manifests'))
    throw new EngineError('invalid', 'conflicting options: identity requires manifests=1');
  const images = await exchange.engine.images.list({
    all: exchange.flag('all'),
    filters,
    sharedSize: exchange.flag('shared-size'),
    manifests: exchange.flag('manifests'),
    descriptors: exchange.speaks('1.48'),
  });
  sendAnswer(
    exchange,
    'imageList',
    images.map((image) => encodeImageSummary(image, withIdentity)),
  );
}

/** @param reference a pattern of references, as it was asked for before there were filters */
function withFormerFilter(filters: Filters, reference: string): Filters {
  if (reference === '') return filters;
  return new Map([...filters, ['reference', [...(filters.get('reference') ?? []), reference]]]);
}

async function tag(exchange: Exchange): Promise<void> {
  const repository = exchange.text('repo');
  if (repository === '') throw new EngineError('invalid', 'Cannot tag image: no repository given');
  const tag = exchange.text('tag');
  const target = tag === '' ? repository : familiarReference(withTag(parseReference(repository), tag));
  await exchange.engine.images.tag(exchange.param('name'), target);
  sendEmpty(exchange, 201);
}

async function prune(exchange: Exchange): Promise<void> {
  const filters = exchange.filters();
  checkFilters(filters, PRUNE_FILTERS);
  const { removals, reclaimedBytes } = await exchange.engine.images.prune(filters);
  sendJson(exchange, 200, {
    ImagesDeleted: removals.length === 0 ? null : removals.map(encodeRemoval),
    SpaceReclaimed: reclaimedBytes,
  });
}

/** What the query parameters `repo` (or `fromImage`) and `tag` name together; a digest may stand in `tag`. */
export function referenceOf(repository: string, tag: string): string {
  if (tag === '') return repository;
  return `${repository}${tag.includes(':') ? '@' : ':'}${tag}`;
}
