/** `/volumes`. */
import { EngineError } from '#base/errors.ts';
import {
  booleanFilter,
  checkFilters,
  type Filters,
  lacksLabels,
  matchesLabels,
  NO_FILTERS,
} from '#base/filters.ts';
import { volumeError } from '#volume/volume-errors.ts';
import { decodeVolumeRequest } from '#wire/decode-volume.ts';
import type { VolumeInspect } from '#wire/volume.ts';
import type { Exchange } from './exchange.ts';
import { readJsonBody } from './request-body.ts';
import { sendJson, sendNothing } from './respond.ts';
import { get, post, put, type Route, remove } from './route.ts';

const LIST_FILTERS = new Set(['dangling', 'driver', 'label', 'name']);
const PRUNE_FILTERS = new Set(['all', 'label', 'label!']);

/** From here on `prune` without `all` leaves volumes that someone named. */
const PRUNES_ANONYMOUS_ONLY = '1.42';

export const volumeRoutes: readonly Route[] = [
  get('/volumes', list),
  post('/volumes/create', create),
  post('/volumes/prune', prune),
  get('/volumes/:name', (exchange) => sendJson(exchange, 200, existing(exchange))),
  put('/volumes/:name', () => {
    throw new EngineError(
      'unavailable',
      'volume update only valid for cluster volumes, but swarm is unavailable',
    );
  }),
  remove('/volumes/:name', async (exchange) => {
    await exchange.engine.volumes.remove(exchange.param('name'), { force: exchange.flag('force') });
    sendNothing(exchange);
  }),
];

function existing(exchange: Exchange): VolumeInspect {
  const name = exchange.param('name');
  const volume = exchange.engine.volumes.get(name);
  if (volume === undefined) throw volumeError('no-such-volume', { subject: name });
  return volume;
}

async function create(exchange: Exchange): Promise<void> {
  const { Name, Driver, DriverOpts, Labels } = decodeVolumeRequest(await readJsonBody(exchange));
  const volume = await exchange.engine.volumes.create({
    ...(Name !== '' && { name: Name }),
    ...(Driver !== '' && { driver: Driver }),
    ...(DriverOpts && { driverOptions: DriverOpts }),
    ...(Labels && { labels: Labels }),
  });
  sendJson(exchange, 201, volume);
}

async function list(exchange: Exchange): Promise<void> {
  const filters = exchange.filters();
  checkFilters(filters, LIST_FILTERS);
  const dangling = booleanFilter(filters, 'dangling');
  const used = dangling === undefined ? new Set<string>() : await volumesInUse(exchange);
  const volumes = exchange.engine.volumes
    .list()
    .filter((volume) => matches(volume, filters))
    .filter(({ Name }) => dangling === undefined || dangling !== used.has(Name));
  sendJson(exchange, 200, { Volumes: volumes, Warnings: null });
}

function matches(volume: VolumeInspect, filters: Filters): boolean {
  return (
    (filters.get('name')?.some((name) => volume.Name.includes(name)) ?? true) &&
    (filters.get('driver')?.includes(volume.Driver) ?? true) &&
    matchesLabels(filters.get('label'), volume.Labels)
  );
}

async function prune(exchange: Exchange): Promise<void> {
  const filters = exchange.filters();
  checkFilters(filters, PRUNE_FILTERS);
  const anonymousOnly = exchange.speaks(PRUNES_ANONYMOUS_ONLY) && booleanFilter(filters, 'all') !== true;
  const used = await volumesInUse(exchange);
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const { Name, Labels } of exchange.engine.volumes.list()) {
    if (used.has(Name) || (anonymousOnly && !exchange.engine.volumes.isAnonymous(Name))) continue;
    if (!matchesLabels(filters.get('label'), Labels) || !lacksLabels(filters.get('label!'), Labels)) continue;
    const sizeBytes = await exchange.engine.volumes.usage(Name);
    if (!(await removeIfFree(exchange, Name))) continue;
    deleted.push(Name);
    reclaimed += sizeBytes;
  }
  sendJson(exchange, 200, {
    VolumesDeleted: deleted.length === 0 ? null : deleted,
    SpaceReclaimed: reclaimed,
  });
}

/** A container may have taken it meanwhile. */
async function removeIfFree(exchange: Exchange, name: string): Promise<boolean> {
  try {
    await exchange.engine.volumes.remove(name, { force: false });
    return true;
  } catch (error) {
    exchange.context.logger.debug('volume not pruned', { name, error });
    return false;
  }
}

async function volumesInUse(exchange: Exchange): Promise<ReadonlySet<string>> {
  const containers = await exchange.engine.containers.list({
    all: true,
    limit: 0,
    size: false,
    filters: NO_FILTERS,
  });
  return new Set(
    containers.flatMap(({ Mounts }) => Mounts.flatMap(({ Name }) => (Name === undefined ? [] : [Name]))),
  );
}
