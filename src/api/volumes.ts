/** `/volumes`. */
import { EngineError } from '#base/errors.ts';
import { booleanFilter, checkFilters } from '#base/filters.ts';
import { formatDate } from '#base/timestamps.ts';
import { volumeError } from '#volume/volume-errors.ts';
import type { VolumeView } from '#volume/volume.ts';
import { decodeVolumeRequest } from '#wire/decode-volume.ts';
import type { VolumeInspect } from '#wire/volume.ts';
import { inContext } from './errors/in-context.ts';
import type { Exchange } from './exchange.ts';
import { readJsonBody } from './request-body.ts';
import { sendJson, sendNothing } from './respond.ts';
import { get, post, put, type Route, remove } from './route.ts';
import { NO_SWARM } from './unavailable.ts';

const PRUNE_FILTERS = new Set(['all', 'label', 'label!']);

/** The first version whose `prune` without `all` keeps volumes with names. */
const PRUNES_ANONYMOUS_ONLY = '1.42';

export const volumeRoutes: readonly Route[] = [
  get('/volumes', list),
  post('/volumes/create', create),
  post('/volumes/prune', prune),
  get('/volumes/:name', inspect),
  put('/volumes/:name', () => {
    throw new EngineError(
      'unavailable',
      'volume update only valid for cluster volumes, but swarm is unavailable',
    );
  }),
  remove('/volumes/:name', async (exchange) => {
    const { signal } = exchange;
    await exchange.engine.volumes.remove(exchange.param('name'), { force: exchange.flag('force'), signal });
    sendNothing(exchange);
  }),
];

/** A volume as Docker tells it. */
export function encodeVolume({
  name,
  driver,
  path,
  createdAtMs,
  labels,
  problem,
}: VolumeView): VolumeInspect {
  return {
    CreatedAt: formatDate(createdAtMs),
    Driver: driver,
    Labels: labels ?? null,
    Mountpoint: path,
    Name: name,
    Options: null,
    Scope: 'local',
    ...(problem !== undefined && { Status: { problem } }),
  };
}

function inspect(exchange: Exchange): void {
  const name = exchange.param('name');
  const volume = exchange.engine.volumes.get(name);
  if (volume === undefined) throw volumeError('no-such-volume', { subject: name });
  sendJson(exchange, 200, encodeVolume(volume));
}

async function create(exchange: Exchange): Promise<void> {
  const { Name, Driver, DriverOpts, Labels, ClusterVolumeSpec } = decodeVolumeRequest(
    await readJsonBody(exchange),
  );
  if (ClusterVolumeSpec) throw new EngineError('unavailable', NO_SWARM);
  const volume = await exchange.engine.volumes.create({
    ...(Name !== '' && { name: Name }),
    ...(Driver !== '' && { driver: Driver }),
    ...(DriverOpts && { driverOptions: DriverOpts }),
    ...(Labels && { labels: Labels }),
  });
  sendJson(exchange, 201, encodeVolume(volume));
}

async function list(exchange: Exchange): Promise<void> {
  const filters = await inContext('error reading volume filters', () => exchange.filters());
  const volumes = exchange.engine.volumes.list(filters);
  sendJson(exchange, 200, { Volumes: volumes.map(encodeVolume), Warnings: null });
}

async function prune(exchange: Exchange): Promise<void> {
  const filters = exchange.filters();
  checkFilters(filters, PRUNE_FILTERS);
  const named = !exchange.speaks(PRUNES_ANONYMOUS_ONLY) || booleanFilter(filters, 'all') === true;
  const labels = new Map([...filters].filter(([name]) => name !== 'all'));
  const request = { named, filters: labels, signal: exchange.signal };
  const { removed, reclaimedBytes } = await exchange.engine.volumes.prune(request);
  sendJson(exchange, 200, {
    VolumesDeleted: removed,
    SpaceReclaimed: reclaimedBytes,
  });
}
